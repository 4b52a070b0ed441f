create function mixpay._fold_stretch(
    p_fold mixpay.balance_folds, p_range mixpay.journal_range, p_ends mixpay.folded_balances[]
) returns mixpay.folded_balances[]
language plpgsql
set search_path = mixpay, pg_temp
as $_fold_stretch$
declare
    v_moved folded_balances[];
begin
    v_moved := array(
        select row(
            p_fold.merchant_id, m.account, m.owner, m.currency, p_fold.fold,
            m.came_in + coalesce(e.came_in, b.came_in, 0), m.went_out + coalesce(e.went_out, b.went_out, 0), false
        )::folded_balances
        from _moved_in(p_fold.merchant_id, p_range, null, null, null) as m
        left join unnest(p_ends) as e on e.account = m.account and e.owner = m.owner and e.currency = m.currency
        left join lateral (
            select * from folded_balances as x
            where
                x.is_last and x.merchant_id = p_fold.merchant_id and x.account = m.account and x.owner = m.owner
                and x.currency = m.currency
            limit 1
        ) as b on true
    );
    insert into folded_balances select m.* from unnest(v_moved) as m
    on conflict (merchant_id, account, owner, currency, fold) do update
    set came_in = excluded.came_in, went_out = excluded.went_out;
    return v_moved || array(
        select e from unnest(p_ends) as e
        where not exists (
            select from unnest(v_moved) as m
            where m.account = e.account and m.owner = e.owner and m.currency = e.currency
        )
    );
end;
$_fold_stretch$;

comment on function mixpay._fold_stretch(mixpay.balance_folds, mixpay.journal_range, mixpay.folded_balances[]) is
$$Adds a stretch of the log to what its fold has of each account, and returns the last balances so far.

p_ends are those of the stretches before that the same call has folded.
$$;
