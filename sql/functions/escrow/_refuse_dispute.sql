create function mixpay._refuse_dispute(p_merchant_id text, p_order_no text, p_hint text) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refuse_dispute$
declare
    v_dispute disputes;
begin
    select * into v_dispute from disputes
    where merchant_id = p_merchant_id and order_no = p_order_no and state = 'open';
    if found then
        raise exception 'order % is in dispute', p_order_no using
            errcode = 'MX503',
            detail = format('Dispute %s is open since %s.', v_dispute.dispute_no, v_dispute.created_at),
            hint = p_hint;
    end if;
end;
$_refuse_dispute$;

comment on function mixpay._refuse_dispute(text, text, text) is
$$Refuses what cannot be done while an order is in dispute; p_hint says what can.

Raises: MX503 if a dispute is open.
$$;
