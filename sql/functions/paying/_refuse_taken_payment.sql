create function mixpay._refuse_taken_payment(p_payments mixpay.payments[], p_stored text[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_taken_payment$
declare
    v_lost payments;
    v_payment payments;
begin
    select p.* into v_lost from unnest(p_payments) as p
    where p.payment_no <> all (coalesce(p_stored, '{}'))
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
$_refuse_taken_payment$;

comment on function mixpay._refuse_taken_payment(mixpay.payments[], text[]) is
$$Refuses the first of these payments that could not be stored: its number or its channel's was taken meanwhile, or
within the call.

Raises: MX202; MX207.
$$;
