create function mixpay.register_payee(p_merchant_id text, p_payee_no text, p_title text) returns mixpay.payee
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $register_payee$
declare
    v_payee payees;
begin
    perform _check_merchant(p_merchant_id);
    perform _check_number('payee_no', p_payee_no);
    perform _check_title(p_title);
    insert into payees as p (merchant_id, payee_no, title)
    values (p_merchant_id, p_payee_no, p_title)
    on conflict (merchant_id, payee_no) do update set title = excluded.title
    returning p.* into v_payee;
    return row(v_payee.*)::payee;
end;
$register_payee$;

comment on function mixpay.register_payee(text, text, text) is
$$Registers a store or seller under a merchant, or updates its title.

Locks: the payee.
Raises: MX101 if there is no such merchant; MX901; MX905.
$$;
