create function mixpay._loss(
    p_fact mixpay.fact, p_payment mixpay.payments, p_amount bigint
) returns mixpay.fact[]
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_loss$
declare
    v_fact fact := p_fact;
begin
    if p_amount = 0 then
        return array[]::fact[];
    end if;
    v_fact.from_state := null;
    v_fact.to_state := null;
    v_fact.order_no := null;
    v_fact.payment_no := p_payment.payment_no;
    v_fact.from_account := case when p_amount > 0 then 'loss' else 'channel' end;
    v_fact.from_owner := p_payment.channel;
    v_fact.to_account := case when p_amount > 0 then 'channel' else 'loss' end;
    v_fact.to_owner := p_payment.channel;
    v_fact.amount := abs(p_amount);
    return array[v_fact];
end;
$_loss$;

comment on function mixpay._loss(mixpay.fact, mixpay.payments, bigint) is
$$What a payment's channel took and nobody owes, as a fact; below zero: what is lost no longer; 0: none. p_fact says
why.
$$;
