create function mixpay._refuse_refund_no(p_refund mixpay.refunds) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_refund_no$
begin
    raise exception 'refund number % was used for something else', p_refund.refund_no using
        errcode = 'MX302',
        detail = format('It refunds %s%s (kind %s) and is %s.', p_refund.amount,
            coalesce(format(' of order %s', p_refund.order_no), ''), p_refund.kind, p_refund.state),
        hint = 'A repeated number must come with the same content: order, amount, payments, channel, moment.';
end;
$_refuse_refund_no$;

comment on function mixpay._refuse_refund_no(mixpay.refunds) is $$
Raises: MX302.
$$;
