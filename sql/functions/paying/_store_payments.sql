create function mixpay._store_payments(p_payments mixpay.payments[], p_sent mixpay.payments[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_store_payments$
declare
    v_stored text[];
    v_lost payments;
    v_payment payments;
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
    if cardinality(v_stored) = cardinality(p_payments) then
        return;
    end if;
    select p.* into v_lost from unnest(p_sent) as p
    where p.payment_no <> all (coalesce(v_stored, '{}'))
    order by p.seq
    limit 1;
    select * into v_payment from payments where merchant_id = v_lost.merchant_id and payment_no = v_lost.payment_no;
    if found then
        perform _refuse_payment_no(v_payment, json_build_object(
            'call', 'record_payment', 'trade_no', v_lost.trade_no, 'amount', v_lost.asked, 'channel', v_lost.channel,
            'paid_at', v_lost.paid_at, 'channel_txn_no', v_lost.channel_txn_no, 'captures', v_lost.captures
        ));
    end if;
    perform _refuse_channel_txn_no(v_lost.merchant_id, v_lost.channel, v_lost.channel_txn_no, v_lost.paid_at);
end;
$_store_payments$;

comment on function mixpay._store_payments(mixpay.payments[], mixpay.payments[]) is
$$Stores payments that have succeeded, or refuses the first one whose number or whose channel's was taken meanwhile, or
within the call. p_sent are the same payments as they were sent.

Raises: MX202; MX207.
$$;
