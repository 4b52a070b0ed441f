create function mixpay._items_for_lines(
    p_terms mixpay.reconciled_accounts, p_from timestamptz, p_until timestamptz
) returns setof mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp
as $_items_for_lines$
begin
    return query
    select i.*
    from _own_items(p_terms.merchant_id, p_terms.account, p_terms.owner, p_from, p_until) as i
    where
        case when exists (
            select from unmatched_items as u
            where
                u.merchant_id = p_terms.merchant_id and u.account = p_terms.account and u.owner = p_terms.owner
                and u.kind = i.kind and u.number = i.number and num_nonnulls(u.line_no, u.resolution_no) > 0
            offset 0
        ) then not _is_spoken_for(p_terms, i.kind, i.number) else true end
        and (i.kind in ('payment', 'refund') or not _is_of_a_batch(p_terms, i.kind, i.number));
end;
$_items_for_lines$;

comment on function mixpay._items_for_lines(mixpay.reconciled_accounts, timestamptz, timestamptz) is
$$What of ours happened from p_from and before p_until, as far as a line may be about it that names its number.
$$;
