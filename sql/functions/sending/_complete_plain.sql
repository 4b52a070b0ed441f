create function mixpay._complete_plain(p_merchant_id text, p_completions jsonb, p_trades mixpay.trades[])
returns bigint[]
language plpgsql
set search_path = mixpay, pg_temp
as $_complete_plain$
declare
    v_item record;
    v_nth bigint := 0;
    v_trade trades;
    v_trades trades[] := array[]::trades[];
    v_channel_refund channel_refunds;
    v_channel_refunds channel_refunds[] := array[]::channel_refunds[];
    v_refund refunds;
    v_refunds refunds[] := array[]::refunds[];
    v_was_state text;
    v_fact fact;
    v_facts fact[] := array[]::fact[];
    v_places bigint[] := array[]::bigint[];
begin
    for v_item in
        select x.*
        from (
            select
                s.*,
                bool_and(
                    s.times = 1 and s.first_trade_no = s.last_trade_no and s.is_open
                ) over (partition by s.trade_no) as is_plain
            from (
                select
                    j.i, j.channel_txn_no, j.refunded_at, p.trade_no, c.channel_refund, r.refund,
                    c.state in ('waiting', 'pending', 'sent', 'doubt') as is_open,
                    count(*) over (partition by c.channel_refund_no) as times,
                    min(p.trade_no) over (partition by c.refund_no) as first_trade_no,
                    max(p.trade_no) over (partition by c.refund_no) as last_trade_no,
                    -- What has gone of the refund so far, in the order of the call, and how much is still to come.
                    sum(c.amount) over (partition by c.refund_no order by j.i)::bigint as gone,
                    row_number() over (partition by c.refund_no order by j.i desc) as still
                from rows from (jsonb_to_recordset(p_completions) as (
                    channel_refund_no text, channel_txn_no text, refunded_at text
                )) with ordinality as j (channel_refund_no, channel_txn_no, refunded_at, i)
                cross join lateral (
                    select y as channel_refund, y.channel_refund_no, y.refund_no, y.payment_no, y.state, y.amount
                    from channel_refunds as y
                    where y.merchant_id = p_merchant_id and y.channel_refund_no = j.channel_refund_no limit 1
                ) as c
                cross join lateral (
                    select y as refund from refunds as y
                    where y.merchant_id = p_merchant_id and y.refund_no = c.refund_no limit 1
                ) as r
                cross join lateral (
                    select y.trade_no from payments as y
                    where y.merchant_id = p_merchant_id and y.payment_no = c.payment_no limit 1
                ) as p
            ) as s
        ) as x
        where x.is_plain
        order by x.trade_no collate "C", x.i
    loop
        if v_trade.trade_no is distinct from v_item.trade_no then
            loop
                v_nth := v_nth + 1;
                v_trade := p_trades[v_nth];
                exit when v_trade.trade_no = v_item.trade_no;
            end loop;
            v_trades := v_trades || v_trade;
        end if;
        v_channel_refund := v_item.channel_refund;
        v_fact := _channel_refund_fact(
            v_trade, v_channel_refund, v_channel_refund.state, 'succeeded', (v_item.refund).order_no
        );
        if v_channel_refund.state not in ('pending', 'sent') then
            v_channel_refund.reason := null;
        end if;
        v_channel_refund.state := 'succeeded';
        v_channel_refund.due_at := null;
        v_channel_refund.channel_txn_no := v_item.channel_txn_no;
        v_channel_refund.refunded_at := coalesce(
            _parse_moment(format('completion %s: "refunded_at"', v_item.i), v_item.refunded_at, true), now()
        );
        v_channel_refunds := v_channel_refunds || v_channel_refund;
        v_refund := v_item.refund;
        v_was_state := (_count_parts(v_refund, v_item.gone - v_channel_refund.amount, 0)).state;
        v_refund := _count_parts(v_refund, v_item.gone, 0);
        v_fact.reason := v_channel_refund.reason;
        v_fact.happened_at := v_channel_refund.refunded_at;
        v_facts := v_facts || _movement(v_fact, 'refund', 'channel', v_channel_refund.amount, v_channel_refund.channel);
        if v_refund.state <> v_was_state then
            v_facts := v_facts || _refund_fact(v_trade, v_refund, v_was_state, v_fact.happened_at);
        end if;
        if v_item.still = 1 then
            v_refunds := v_refunds || v_refund;
        end if;
        v_places := v_places || v_item.i;
    end loop;
    if v_places <> '{}' then
        perform _store_completions(v_channel_refunds, v_refunds);
        perform _post_all(v_trades, v_facts);
    end if;
    return v_places;
end;
$_complete_plain$;

comment on function mixpay._complete_plain(text, jsonb, mixpay.trades[]) is
$$Books those completions of complete_channel_refunds' JSON that complete_channel_refund would book without further ado,
and returns their places in the JSON: of channel refunds that have not ended, in trades of which the call has only such,
of refunds that it has in one trade only.

p_trades are the trades, in ascending number; the caller has locked them and the refunds. The JSON is checked.
Raises: MX903; MX905.
$$;
