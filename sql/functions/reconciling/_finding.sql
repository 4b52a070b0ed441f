create function mixpay._finding(
    p_theirs bigint, p_ours bigint, p_one_currency boolean, p_line_state text, p_own_state text, p_tolerance bigint,
    p_fee_theirs bigint, p_fee_ours bigint
) returns text
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_finding$
begin
    return case
        when not p_one_currency then 'currency'
        when p_line_state = 'processing' and p_own_state = 'processing' then 'expected'
        when (p_line_state = 'failed') <> (p_own_state = 'failed')
            or (p_own_state = 'processing' and p_line_state <> 'processing') then 'state'
        when p_line_state = 'failed' then 'matched'
        when abs(p_theirs - p_ours) > p_tolerance then 'amount'
        when abs(p_fee_theirs - p_fee_ours) > p_tolerance then 'fee'
        else 'matched'
    end;
end;
$_finding$;

comment on function mixpay._finding(bigint, bigint, boolean, text, text, bigint, bigint, bigint) is
$$What comparing a line with what of ours it is about says. A line that says processing is older than our success.
$$;
