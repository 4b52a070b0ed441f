create function mixpay._take_oldest(
    p_trade mixpay.trades, p_amount bigint, p_offline boolean
) returns mixpay.refund_share[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_take_oldest$
declare
    v_payments refcursor;
    v_share refund_share;
    v_shares refund_share[] := array[]::refund_share[];
    v_left bigint := p_amount;
    v_from_paid_at timestamptz := coalesce(p_trade.fifo_paid_at, '-infinity');
    v_from_seq bigint := coalesce(p_trade.fifo_seq, 0);
begin
    v_share.trade_no := p_trade.trade_no;
    -- A cursor, because a loop over a query fetches rows ahead: this reads no payment that it does not take from.
    if p_offline is null then
        open v_payments for
        select payment_no, channel, paid_at, seq, applied - (refunded - surplus_refunded) as refundable from payments
        where
            merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and not spent
            and (paid_at, seq) >= (v_from_paid_at, v_from_seq)
        order by paid_at, seq;
    else
        open v_payments for
        select p.payment_no, p.channel, p.paid_at, p.seq, p.applied - (p.refunded - p.surplus_refunded) as refundable
        from payments as p
        where
            p.merchant_id = p_trade.merchant_id and p.trade_no = p_trade.trade_no and not p.spent
            and (p.paid_at, p.seq) >= (v_from_paid_at, v_from_seq)
            and p_offline = (
                select c.kind = 'offline' from channels as c
                where c.channel = p.channel and (c.kind <> 'voucher' or c.refund_to_money)
            )
        order by p.paid_at, p.seq;
    end if;
    while v_left > 0 loop
        fetch v_payments into v_share.payment_no, v_share.channel, v_share.paid_at, v_share.seq, v_share.refundable;
        exit when not found;
        v_share.amount := least(v_left, v_share.refundable);
        v_shares := v_shares || v_share;
        v_left := v_left - v_share.amount;
    end loop;
    close v_payments;
    return v_shares;
end;
$_take_oldest$;

comment on function mixpay._take_oldest(mixpay.trades, bigint, boolean) is
$$The trade's payments that an amount is to be taken from, the oldest first, and how much from each; together it is less
if less is refundable.

p_offline: only those of offline channels, or only the others that may go back as money; null: all. Reads only the
payments that it takes from, and those that it passes over.
$$;
