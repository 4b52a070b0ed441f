create function mixpay._journal_ranges(
    p_merchant_id text, p_fold bigint, p_until timestamptz
) returns setof mixpay.journal_range
language plpgsql stable rows 2
set search_path = mixpay, pg_temp
as $_journal_ranges$
begin
    return query
    select from_epoch, from_xid, until_epoch, until_xid
    from balance_folds
    where
        merchant_id = p_merchant_id and fold > p_fold and movements > 0
        and (p_until is null or earliest_at <= p_until)
    union all
    -- What was not folded yet.
    select coalesce(max(l.until_epoch), 0), coalesce(max(l.until_xid), '0'), 9223372036854775807, '18446744073709551615'
    from (
        select until_epoch, until_xid from balance_folds
        where merchant_id = p_merchant_id
        order by fold desc
        limit 1
    ) as l;
end;
$_journal_ranges$;

comment on function mixpay._journal_ranges(text, bigint, timestamptz) is
$$Where in the log movements stand that came after a fold (0: all) and may have been written until a moment (null: now).
$$;
