create function mixpay._new_channel_refund(
    p_refund mixpay.refunds, p_share mixpay.refund_share, p_number text
) returns mixpay.channel_refunds
language plpgsql stable
set search_path = mixpay, pg_temp
as $_new_channel_refund$
declare
    v_destination refund_destination := _find_destination(
        p_refund.merchant_id, p_share.payment_no, p_share.channel, p_share.amount, null
    );
    v_new channel_refunds;
begin
    v_new.merchant_id := p_refund.merchant_id;
    v_new.channel_refund_no := p_number;
    v_new.refund_no := p_refund.refund_no;
    v_new.payment_no := p_share.payment_no;
    v_new.amount := p_share.amount;
    v_new.channel := v_destination.channel;
    v_new.state := v_destination.state;
    v_new.reason := v_destination.reason;
    v_new.not_before := v_destination.not_before;
    v_new.due_at := case v_new.state when 'pending' then now() else v_new.not_before end;
    return v_new;
end;
$_new_channel_refund$;

comment on function mixpay._new_channel_refund(mixpay.refunds, mixpay.refund_share, text) is
$$The channel refund that sends a share of a refund back, where the rules of its payment's channel let it go.
$$;
