create function mixpay._store_payments(p_payments mixpay.payments[]) returns text[]
language plpgsql
set search_path = mixpay, pg_temp
as $_store_payments$
declare
    v_stored text[];
begin
    with stored as (
        insert into payments (
            merchant_id, payment_no, trade_no, channel, recorded, asked, amount, applied, state, channel_txn_no,
            paid_at, seq, txn_day
        )
        select
            p.merchant_id, p.payment_no, p.trade_no, p.channel, p.recorded, p.asked, p.amount, p.applied, p.state,
            p.channel_txn_no, p.paid_at, p.seq,
            case
                when p.channel_txn_no is not null
                    then (select _number_day(c, p.paid_at) from channels as c where c.channel = p.channel)
            end
        from unnest(p_payments) as p
        order by p.payment_no
        on conflict do nothing
        returning payment_no
    )
    select array_agg(payment_no) into v_stored from stored;
    return v_stored;
end;
$_store_payments$;

comment on function mixpay._store_payments(mixpay.payments[]) is
$$Stores payments that have succeeded, and returns the numbers of those that were new.
$$;
