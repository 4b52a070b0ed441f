create function mixpay._left_out(
    p_merchant_id text, p_account mixpay.account_name, p_currency text, p_until timestamptz, p_epoch bigint, p_xid xid8
) returns bigint
language plpgsql stable
set search_path = mixpay, pg_temp
-- As in _moved_of.
set plan_cache_mode = force_generic_plan set max_parallel_workers_per_gather = 0
as $_left_out$
begin
    return (
        select sum(p.came_in - p.went_out)::bigint
        from postings as p
        where
            p.merchant_id = p_merchant_id and p.account = p_account.account and p.owner = p_account.owner
            and p.account in ('payee', 'receiver', 'fee') and p.source in ('trade', 'adjustment')
            and p.currency = p_currency and (p.epoch, p.xid) >= (p_epoch, p_xid) and p.created_at <= p_until
    );
end;
$_left_out$;

comment on function mixpay._left_out(text, mixpay.account_name, text, timestamptz, bigint, xid8) is
$$What was written to an account until a moment, and cannot be settled yet because older transactions still run (view
horizon), from transaction p_xid of p_epoch on; in the smallest unit, null: nothing.
$$;
