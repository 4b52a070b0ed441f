create function mixpay._refund_plain(
    p_merchant_id text, p_refunds jsonb, p_trade_nos jsonb, p_trades mixpay.trades[]
) returns bigint[]
language plpgsql
set search_path = mixpay, pg_temp set enable_hashjoin = on set jit = off
as $_refund_plain$
declare
    v_plain bigint[] := _plain_refunds(p_merchant_id, p_refunds, p_trade_nos);
    v_kinds jsonb := coalesce((select jsonb_object_agg(channel, kind) from channels where not is_limited), '{}');
    v_at timestamptz := clock_timestamp();
    v_item record;
    v_trade trades;
    v_trades trades[] := array[]::trades[];
    v_nth bigint := 0;
    v_count bigint := 0;
    v_share refund_share;
    v_left refund_share[];
    v_place bigint;
    v_shares refund_share[] := array[]::refund_share[];
    v_refund refunds;
    v_refunds refunds[] := array[]::refunds[];
    v_line trade_orders;
    v_lines trade_orders[] := array[]::trade_orders[];
    v_clearing clearing;
    v_in_escrow bigint;
    v_first bigint;
    v_news channel_refunds[] := array[]::channel_refunds[];
    v_fact fact;
    v_facts fact[] := array[]::fact[];
    v_places bigint[] := array[]::bigint[];
begin
    for v_item in
        select
            j.i, j.order_no, j.refund_no, j.amount, j.reason, j.trade_nos ->> 0 as trade_no, l.line,
            sum(j.amount) over (partition by j.order_no order by j.i)::bigint - j.amount as before,
            row_number() over (partition by j.order_no order by j.i desc) = 1 as is_last,
            sum(j.amount) over (partition by j.trade_nos ->> 0)::bigint as of_trade
        from rows from (
            jsonb_to_recordset(p_refunds) as (order_no text, refund_no text, amount bigint, reason text),
            jsonb_array_elements(p_trade_nos)
        ) with ordinality as j (order_no, refund_no, amount, reason, trade_nos, i)
        cross join lateral (
            select y as line from trade_orders as y
            where y.merchant_id = p_merchant_id and y.order_no = j.order_no and y.trade_no = j.trade_nos ->> 0
            limit 1
        ) as l
        where j.i in (select u.i from unnest(v_plain) as u (i))
        order by (j.trade_nos ->> 0) collate "C", j.i
    loop
        if v_trade.trade_no is distinct from v_item.trade_no then
            while v_trade.trade_no is distinct from v_item.trade_no loop
                v_nth := v_nth + 1;
                v_trade := p_trades[v_nth];
            end loop;
            v_left := _take_unlimited(v_trade, v_item.of_trade, v_kinds);
            v_place := 0;
            v_count := v_count + case when v_left is null then 0 else 1 end;
        end if;
        continue when v_left is null;  -- what a channel's rules say depends on what is stored
        v_places := v_places || v_item.i;
        v_refund := row(p_merchant_id, v_item.refund_no, 'order', v_item.order_no, v_item.amount, 0, 0, 'processing',
            null, v_item.reason, now(), null, null);
        v_refunds := v_refunds || v_refund;
        v_line := _refunded_line(v_item.line, v_item.before);
        v_clearing := _clear_line(v_line, 0, v_item.amount, 0);
        if v_item.is_last then
            v_lines := v_lines || _refunded_line(v_item.line, v_item.before + v_item.amount);
        end if;
        v_first := cardinality(v_news) + 1;
        -- What is in escrow goes first; the last shares are what payee and receivers gave back.
        v_in_escrow := v_item.amount + coalesce(v_clearing.cleared, 0);
        v_trade.refunded := v_trade.refunded + v_item.amount;
        while v_item.amount > 0 loop
            if coalesce(v_share.refundable, 0) = 0 then
                v_place := v_place + 1;
                v_share := v_left[v_place];
                v_shares := v_shares || v_share;
                v_share.refundable := v_share.amount;
            end if;
            v_share.amount := least(v_item.amount, v_share.refundable);
            v_share.refundable := v_share.refundable - v_share.amount;
            v_item.amount := v_item.amount - v_share.amount;
            v_news := v_news || _unlimited_channel_refund(
                v_refund, v_share, _new_number(v_at, cardinality(v_news)), v_kinds ->> v_share.channel,
                greatest(0, v_share.amount - v_in_escrow)
            );
            v_in_escrow := greatest(0, v_in_escrow - v_share.amount);
        end loop;
        v_trade.fifo_paid_at := v_share.paid_at;
        v_trade.fifo_seq := v_share.seq;
        foreach v_fact in array _facts_of_refund(v_trade, v_refund, v_line, v_clearing, v_news[v_first:]) loop
            v_facts := v_facts || v_fact;  -- to append an array would copy all that is there
        end loop;
        v_trades[v_count] := v_trade;
    end loop;
    if v_places <> '{}' then
        perform _store_refunds(p_merchant_id, v_refunds, v_news, v_shares, v_lines);
        perform _post_all(v_trades, v_facts);
    end if;
    return v_places;
end;
$_refund_plain$;

comment on function mixpay._refund_plain(text, jsonb, jsonb, mixpay.trades[]) is
$$Writes those refunds of refund_orders' JSON that are plain and take from no channel with rules of its own, and returns
their places in the JSON.

p_trade_nos are the trades of each refund's order, p_trades all of them, locked, in ascending number; the JSON is
checked.
Raises: MX302 if a refund number was used meanwhile.
$$;
