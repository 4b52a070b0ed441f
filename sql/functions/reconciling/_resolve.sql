create function mixpay._resolve(p_resolution mixpay.resolutions) returns mixpay.resolutions
language plpgsql
set search_path = mixpay, pg_temp
as $_resolve$
declare
    v_resolution resolutions;
begin
    insert into resolutions (
        merchant_id, resolution_no, account, owner, statement_no, line_no, part, kind, number, action, amount,
        takes_back, resolved_by, reason
    ) values (
        p_resolution.merchant_id, p_resolution.resolution_no, p_resolution.account, p_resolution.owner,
        p_resolution.statement_no, p_resolution.line_no, p_resolution.part, p_resolution.kind, p_resolution.number,
        p_resolution.action, p_resolution.amount, p_resolution.takes_back, p_resolution.resolved_by,
        p_resolution.reason
    )
    returning * into v_resolution;
    update line_matches set resolution_no = v_resolution.resolution_no
    where
        merchant_id = v_resolution.merchant_id and statement_no = v_resolution.statement_no
        and line_no = v_resolution.line_no and part = v_resolution.part and v_resolution.takes_back is null;
    if not found and v_resolution.line_no is not null then
        update unmatched_lines set resolution_no = v_resolution.resolution_no
        where
            merchant_id = v_resolution.merchant_id and statement_no = v_resolution.statement_no
            and line_no = v_resolution.line_no and part = v_resolution.part and v_resolution.takes_back is null;
    elsif v_resolution.line_no is null then
        update unmatched_items set resolution_no = v_resolution.resolution_no
        where
            merchant_id = v_resolution.merchant_id and account = v_resolution.account and owner = v_resolution.owner
            and kind = v_resolution.kind and number = v_resolution.number and v_resolution.takes_back is null;
    end if;
    return v_resolution;
end;
$_resolve$;

comment on function mixpay._resolve(mixpay.resolutions) is
$$Writes a resolution down, and at what it is about; the caller holds the account's lock and has looked at both.
$$;
