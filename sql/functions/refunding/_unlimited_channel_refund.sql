create function mixpay._unlimited_channel_refund(
    p_refund mixpay.refunds, p_share mixpay.refund_share, p_number text, p_kind text, p_cleared bigint
) returns mixpay.channel_refunds
language plpgsql stable
set search_path = mixpay, pg_temp
as $_unlimited_channel_refund$
declare
    v_is_manual boolean := p_kind = 'offline';
begin
    return row(
        p_refund.merchant_id, p_number, p_refund.refund_no, p_share.payment_no, p_share.channel, p_share.amount,
        case when v_is_manual then 'waiting' else 'pending' end, case when v_is_manual then 'manual' end,
        case when not v_is_manual then now() end, null, 0, null, null, now(), null, null, null, p_cleared, 1, null
    )::channel_refunds;
end;
$_unlimited_channel_refund$;

comment on function mixpay._unlimited_channel_refund(
    mixpay.refunds, mixpay.refund_share, text, text, bigint
) is
$$The channel refund that sends a share of a refund back through its payment's channel, which has no rules about it.

p_kind is the channel's. p_cleared is what of it payee and receivers gave back.
$$;
