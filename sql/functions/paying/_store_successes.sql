create function mixpay._store_successes(p_payments mixpay.payments[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_store_successes$
declare
    v_payment payments;
begin
    update payments as p
    set
        state = n.state, amount = n.amount, applied = n.applied, channel_txn_no = n.channel_txn_no,
        paid_at = n.paid_at, seq = n.seq,
        txn_day = case
            when n.channel_txn_no is not null
                then (select _number_day(c, n.paid_at) from channels as c where c.channel = n.channel)
        end
    from unnest(p_payments) as n
    cross join lateral (
        select x.ctid as place from payments as x
        where x.merchant_id = n.merchant_id and x.payment_no = n.payment_no
        offset 0
    ) as x
    where p.ctid = x.place;
exception
    when unique_violation then
        foreach v_payment in array p_payments loop
            if (_paid_by(
                v_payment.merchant_id, v_payment.channel, v_payment.channel_txn_no,
                _txn_day(v_payment.channel, v_payment.paid_at)
            )).payment_no is not null then
                perform _refuse_channel_txn_no(
                    v_payment.merchant_id, v_payment.channel, v_payment.channel_txn_no, v_payment.paid_at
                );
            end if;
        end loop;
        -- It was booked after this transaction's snapshot; above READ COMMITTED only the next transaction sees it.
        raise exception 'could not serialize access: a channel transaction of these payments has just paid'
            using errcode = 'serialization_failure';
end;
$_store_successes$;

comment on function mixpay._store_successes(mixpay.payments[]) is
$$Stores started payments of one merchant that have succeeded.

Raises: MX207 if a channel transaction is another payment's.
$$;
