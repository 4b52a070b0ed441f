create function mixpay._movement(
    p_fact mixpay.fact, p_from_account text, p_to_account text, p_amount bigint, p_channel text
) returns mixpay.fact
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_movement$
declare
    v_fact fact := p_fact;
begin
    v_fact.amount := p_amount;
    v_fact.from_account := p_from_account;
    v_fact.from_owner := case p_from_account
        when 'channel' then p_channel
        when 'rounding' then p_channel
        when 'order' then p_fact.order_no
        when 'surplus' then p_fact.payment_no
        when 'refund' then p_fact.refund_no
        when 'anomaly' then p_fact.channel_refund_no
    end;
    v_fact.to_account := p_to_account;
    v_fact.to_owner := case p_to_account
        when 'channel' then p_channel
        when 'rounding' then p_channel
        when 'order' then p_fact.order_no
        when 'surplus' then p_fact.payment_no
        when 'refund' then p_fact.refund_no
        when 'anomaly' then p_fact.channel_refund_no
    end;
    return v_fact;
end;
$_movement$;

comment on function mixpay._movement(mixpay.fact, text, text, bigint, text) is
$$The fact with a movement from one kind of account to another; whose they are, its own numbers say, and p_channel.
$$;
