create function mixpay._resolved_before(
    p_merchant_id text, p_resolution_no text, p_action text, p_found mixpay.found_difference, p_reason text
) returns mixpay.resolutions
language plpgsql
set search_path = mixpay, pg_temp
as $_resolved_before$
declare
    v_resolution resolutions;
    v_taken_back_by text;
begin
    select * into v_resolution from resolutions
    where merchant_id = p_merchant_id and resolution_no = p_resolution_no;
    if not found then
        if p_found.result = 'matched' or p_found.resolution_no is not null then
            raise exception 'nothing is open here' using
                errcode = 'MX428',
                detail = case
                    when p_found.resolution_no is null and p_found.line_no is null then 'A statement has it.'
                    when p_found.resolution_no is null then 'Both sides agree.'
                    else format('Resolution %s stands.', p_found.resolution_no)
                end,
                hint = case
                    when p_found.resolution_no is null then 'mixpay.reconciliation_differences has what is open.'
                    else 'mixpay.resolution_list says what was done; take_back_resolution takes it back.'
                end;
        end if;
        return null;
    end if;
    if (v_resolution.action, v_resolution.account, v_resolution.owner) is distinct from (
        p_action, p_found.account::account, p_found.owner
    )
        or (case
            when p_found.line_no is null then (v_resolution.kind, v_resolution.number) is distinct from (
                p_found.kind::own_kind, p_found.number
            )
            else (v_resolution.statement_no, v_resolution.line_no, v_resolution.part) is distinct from (
                p_found.statement_no, p_found.line_no, p_found.part
            )
        end) then
        raise exception 'resolution number % was used for something else', p_resolution_no using
            errcode = 'MX427',
            detail = _on_record(to_json(v_resolution), json_build_object(
                'action', p_action, 'account', p_found.account, 'owner', p_found.owner, 'statement_no',
                p_found.statement_no, 'line_no', p_found.line_no, 'kind', p_found.kind, 'number', p_found.number
            )),
            hint = 'Repeat a resolution with the same content, or give it a number of its own.';
    end if;
    select resolution_no into v_taken_back_by from resolutions
    where merchant_id = p_merchant_id and takes_back = p_resolution_no;
    if found then
        raise exception 'resolution % was taken back', p_resolution_no using
            errcode = 'MX435',
            detail = format('It was %s, and resolution %s took it back.', v_resolution.action, v_taken_back_by),
            hint = 'What was taken back stays so. Resolve the difference again under a number of its own.';
    end if;
    return _reason_later(v_resolution, 'resolution_no', p_reason);
end;
$_resolved_before$;

comment on function mixpay._resolved_before(text, text, text, mixpay.found_difference, text) is
$$The resolution of this number, if it was made before and is the same; null, if something is open to be resolved.

Raises: MX427 if the resolution number was used for something else; MX428 if nothing is open; MX435 if the
resolution was taken back.
$$;
