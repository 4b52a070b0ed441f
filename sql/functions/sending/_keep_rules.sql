create function mixpay._keep_rules(p_merchant_id text, p_due text[]) returns text[]
language plpgsql
set search_path = mixpay, pg_temp
as $_keep_rules$
declare
    v_ready text[] := p_due;
    v_unsent channel_refunds;
    v_postponed channel_refunds;
    v_destination refund_destination;
    v_trade trades;
begin
    -- What was not sent and whose channel has rules is compared with them once more: time has passed since. What was
    -- claimed twice may have been sent the first time, and only its number keeps the channel from sending it twice.
    for v_unsent in
        select c.*
        from unnest(p_due) as n (channel_refund_no)
        cross join lateral (
            select * from channel_refunds as x
            where x.merchant_id = p_merchant_id and x.channel_refund_no = n.channel_refund_no
            limit 1
        ) as c
        inner join channels as k on k.channel = c.channel
        where
            c.state in ('pending', 'waiting') and c.attempts <= 1 and c.due_at <= now()
            and (k.is_limited or k.kind = 'offline')
        -- Refunds are locked in this order.
        order by c.refund_no, c.due_at, c.channel_refund_no
    loop
        v_destination := _find_destination(
            p_merchant_id, v_unsent.payment_no, v_unsent.channel, v_unsent.amount, v_unsent.channel_refund_no
        );
        if v_destination.state = 'pending' and v_destination.channel = v_unsent.channel then
            -- So that the next one of the same payment counts it as sent.
            update channel_refunds set sent_at = now()
            where merchant_id = p_merchant_id and channel_refund_no = v_unsent.channel_refund_no;
            continue;
        end if;
        v_ready := array_remove(v_ready, v_unsent.channel_refund_no::text);
        v_trade := _lock_channel_refund(p_merchant_id, v_unsent.channel_refund_no);
        if v_destination.channel <> v_unsent.channel then
            perform _redirect(v_trade, v_unsent, v_destination, v_destination.reason);
            continue;
        end if;
        update channel_refunds
        set
            state = 'waiting', reason = v_destination.reason,
            not_before = v_destination.not_before, due_at = v_destination.not_before
        where merchant_id = p_merchant_id and channel_refund_no = v_unsent.channel_refund_no
        returning * into v_postponed;
        perform _move_channel_refund(v_trade, v_postponed, v_unsent.state, '{}', 0, 0);
    end loop;
    return v_ready;
end;
$_keep_rules$;

comment on function mixpay._keep_rules(text, text[]) is
$$Those of the channel refunds that are due which their channels can send now. What a channel cannot send by its rules
waits for its moment or goes to the fallback channel, and the row says why.

The caller holds the locks of their trades.
Locks: the refunds of what goes another way.
$$;
