create function mixpay.register_merchant(
    p_merchant_id text, p_title text, p_allocation text default 'fifo'
) returns mixpay.merchant
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $register_merchant$
declare
    v_merchant merchants;
begin
    perform _check_number('merchant_id', p_merchant_id);
    perform _check_title(p_title);
    perform _check_choice('allocation', p_allocation, array['fifo', 'pro_rata']);
    insert into merchants as m (merchant_id, title, allocation)
    values (p_merchant_id, p_title, p_allocation)
    on conflict (merchant_id) do update set title = excluded.title, allocation = excluded.allocation
    returning m.* into v_merchant;
    return row(v_merchant.*)::merchant;
end;
$register_merchant$;

comment on function mixpay.register_merchant(text, text, text) is
$$Registers a merchant, or updates its title and allocation.

p_allocation says how a payment is divided among the orders of trades that are merged from now on: in their order
(fifo), or by what each still lacks (pro_rata).
Locks: the merchant.
Raises: MX901; MX905.
$$;
