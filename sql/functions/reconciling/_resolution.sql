create function mixpay._resolution(
    p_merchant_id text, p_resolution_no text, p_action text, p_found mixpay.found_difference, p_by text, p_reason text,
    p_amount bigint
) returns mixpay.resolutions
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_resolution$
declare
    v_resolution resolutions;
begin
    v_resolution.merchant_id := p_merchant_id;
    v_resolution.resolution_no := p_resolution_no;
    v_resolution.account := p_found.account;
    v_resolution.owner := p_found.owner;
    v_resolution.statement_no := case when p_found.line_no is not null then p_found.statement_no end;
    v_resolution.line_no := p_found.line_no;
    v_resolution.part := p_found.part;
    v_resolution.kind := p_found.kind;
    v_resolution.number := p_found.number;
    v_resolution.action := p_action;
    v_resolution.amount := p_amount;
    v_resolution.resolved_by := p_by;
    v_resolution.reason := p_reason;
    return v_resolution;
end;
$_resolution$;

comment on function mixpay._resolution(text, text, text, mixpay.found_difference, text, text, bigint) is
$$A resolution of what was found, not yet written.
$$;
