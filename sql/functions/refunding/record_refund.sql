create function mixpay.record_refund(
    p_merchant_id text, p_order_no text, p_refund_no text, p_amount bigint, p_channel text,
    p_refunded_at timestamptz default null, p_reason text default null
) returns mixpay.refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off set enable_hashjoin = off set enable_mergejoin = off
as $record_refund$
declare
    v_refund refunds;
    v_kind text;
    v_stored record;
    v_sent json;
    v_trades trades[];
begin
    perform _check_number('refund_no', p_refund_no);
    perform _check_amount('amount', p_amount);
    perform _check_past('refunded_at', p_refunded_at);
    perform _check_text('reason', p_reason);
    v_kind := (_check_channel(p_channel)).kind;
    if v_kind <> 'offline' then
        raise exception '% hands out no money by hand', p_channel using
            errcode = 'MX312',
            detail = format('Its kind is %s.', v_kind),
            hint = 'Name the offline channel that paid it out. What a channel is to send is refund_order.';
    end if;
    v_trades := _lock_trades_of_order(p_merchant_id, p_order_no);
    insert into refunds (merchant_id, refund_no, kind, order_no, amount, succeeded, state, reason)
    values (p_merchant_id, p_refund_no, 'offline', p_order_no, p_amount, p_amount, 'succeeded', p_reason)
    on conflict do nothing
    returning * into v_refund;
    if found then
        v_refund := _give_back(v_trades, v_refund, p_channel, coalesce(p_refunded_at, now()));
        return row(v_refund.*)::refund;
    end if;
    v_sent := json_build_object(
        'kind', 'offline', 'order_no', p_order_no, 'amount', p_amount, 'channel', p_channel,
        'refunded_at', p_refunded_at
    );
    v_refund := _same_refund(p_merchant_id, p_refund_no, 'offline', p_order_no, p_amount, v_sent);
    -- What was made at first: a part that bounced may have gone another way since, and news of one part alone may have
    -- come by complete_channel_refund.
    select
        min(c.channel) as channel, min(c.refunded_at) as refunded_at,
        min(c.refunded_at) filter (where c.is_assumed) as assumed_at,
        bool_or(_is_another_moment(c.refunded_at, p_refunded_at)) filter (where not c.is_assumed) as is_refused
    into v_stored
    from unnest(_trade_nos(v_trades)) as n (trade_no)
    cross join lateral (
        select * from facts as x
        where
            x.merchant_id = p_merchant_id and x.log = 'trade' and x.log_no = n.trade_no and x.refund_no = p_refund_no
            and x.entity = 'channel_refund' and x.from_state = '' and x.to_state = 'succeeded'
        offset 0
    ) as f
    cross join lateral (
        select
            x.channel, x.refunded_at, x.refunded_at = f.happened_at and f.happened_at = f.created_at as is_assumed
        from channel_refunds as x
        where x.merchant_id = f.merchant_id and x.channel_refund_no = f.channel_refund_no
        limit 1
    ) as c;
    if v_stored.channel <> p_channel or v_stored.is_refused then
        perform _refuse_refund_no(v_refund, v_sent, v_stored.channel, v_stored.refunded_at);
    end if;
    if _is_another_moment(v_stored.assumed_at, p_refunded_at) then
        perform _learn_of_parts(v_trades, array[p_refund_no], v_stored.assumed_at, p_refunded_at);
    end if;
    v_refund := _reason_later(v_refund, 'refund_no', p_reason);
    return row(v_refund.*)::refund;
end;
$record_refund$;

comment on function mixpay.record_refund(
    text, text, text, bigint, text, timestamptz, text
) is
$$Records money of an order that a person has paid out by hand, once per refund number: all of it or nothing. Call it
before the money is handed out, because more than what is refundable is refused.

p_amount is in the currency's smallest unit. p_channel is the offline channel that pays it out. p_refunded_at is when;
if left out, now.

The money is taken from the offline payments of all the order's trades first, then from the others, first in, first out.
Its channel refunds have the cashier's channel and succeed at once. The order's refundable amount falls by it, also for
refunds online. What was paid with vouchers is not handed out as money, unless the voucher's channel says
refund_to_money.

The same number with the same content returns the refund as it is now; the reason is not compared. What was left out at
first, the reason or the moment, may come later.
Locks: the order's trades, in ascending trade number; then its split, then its totals.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX203 if there is no such channel; MX301 if
more is asked than is left; MX302 if the refund number was used for something else; MX312 if the channel is not offline;
MX313 if vouchers would have to be handed out as money; MX901; MX902; MX905.
$$;
