create function mixpay._refuse_money_for_voucher(
    p_channel_refund mixpay.channel_refunds, p_channel text
) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refuse_money_for_voucher$
declare
    v_own channels;
    v_kind text;
begin
    select c.* into v_own
    from payments as p
    inner join channels as c on c.channel = p.channel
    where p.merchant_id = p_channel_refund.merchant_id and p.payment_no = p_channel_refund.payment_no;
    select kind into v_kind from channels where channel = p_channel;
    if v_own.kind = 'voucher' and not v_own.refund_to_money and v_kind <> 'voucher' then
        raise exception 'channel refund % gives back no money', p_channel_refund.channel_refund_no using
            errcode = 'MX313',
            detail = format('Payment %s was made with vouchers, by %s; the kind of %s is %s.',
                p_channel_refund.payment_no, v_own.channel, p_channel, v_kind),
            hint = 'Name a channel of vouchers, or say refund_to_money of the one that was paid with.';
    end if;
end;
$_refuse_money_for_voucher$;

comment on function mixpay._refuse_money_for_voucher(mixpay.channel_refunds, text) is
$$Refuses to send what was paid with a voucher back as money, unless the voucher's channel says refund_to_money.

Raises: MX313.
$$;
