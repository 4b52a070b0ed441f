create function mixpay._refuse_payment_no(p_payment mixpay.payments) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_payment_no$
begin
    raise exception 'payment number % was used for something else', p_payment.payment_no using
        errcode = 'MX202',
        detail = format('It was %s for trade %s: %s by %s%s; it is %s.',
            case when p_payment.recorded then 'recorded' else 'started' end,
            p_payment.trade_no, p_payment.asked, p_payment.channel,
            coalesce(format(', paid at %s', p_payment.paid_at), ''), p_payment.state),
        hint = 'Repeat a number with the same content. For a payment that was started, use succeed_payment.';
end;
$_refuse_payment_no$;

comment on function mixpay._refuse_payment_no(mixpay.payments) is $$
Raises: MX202.
$$;
