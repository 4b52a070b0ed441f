create function mixpay._next_stretch(
    p_merchant_id text, p_range mixpay.journal_range, p_facts bigint
) returns mixpay.journal_range
language plpgsql stable
set search_path = mixpay, pg_temp
as $_next_stretch$
declare
    v_range journal_range := p_range;
begin
    -- It ends at the first transaction after that of the last fact that it takes.
    select f.epoch, f.xid into v_range.until_epoch, v_range.until_xid
    from (
        select x.epoch, x.xid
        from facts as x
        where
            x.merchant_id = p_merchant_id and x.epoch > 0
            and (x.epoch, x.xid) >= (p_range.from_epoch, p_range.from_xid)
            and (x.epoch, x.xid) < (p_range.until_epoch, p_range.until_xid)
        order by x.epoch, x.xid
        offset p_facts - 1
        limit 1
    ) as l
    cross join lateral (
        select x.epoch, x.xid
        from facts as x
        where
            x.merchant_id = p_merchant_id and x.epoch > 0 and (x.epoch, x.xid) > (l.epoch, l.xid)
            and (x.epoch, x.xid) < (p_range.until_epoch, p_range.until_xid)
        order by x.epoch, x.xid
        limit 1
    ) as f;
    return case when found then v_range else p_range end;
end;
$_next_stretch$;

comment on function mixpay._next_stretch(text, mixpay.journal_range, bigint) is
$$The beginning of a stretch of the log: so many facts, and whole transactions; all of it if it has not more.
$$;
