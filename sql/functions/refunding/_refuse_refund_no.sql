create function mixpay._refuse_refund_no(
    p_refund mixpay.refunds, p_sent json, p_channel text default null, p_refunded_at timestamptz default null
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_refund_no$
begin
    raise exception 'refund number % was used for something else', p_refund.refund_no using
        errcode = 'MX302',
        detail = _on_record(json_build_object(
            'kind', p_refund.kind, 'order_no', p_refund.order_no, 'amount', p_refund.amount,
            'payment_nos', array_to_string(p_refund.payment_nos, ' '), 'channel', p_channel,
            'refunded_at', p_refunded_at, 'state', p_refund.state
        ), p_sent),
        hint = 'A repeated number must come with the same content: order, amount, payments, channel, moment.';
end;
$_refuse_refund_no$;

comment on function mixpay._refuse_refund_no(mixpay.refunds, json, text, timestamptz) is
$$Says what the refund is that has this number, and what was sent. p_channel and p_refunded_at: of one that was paid
out.

Raises: MX302.
$$;
