create function mixpay._statement(p_merchant_id text, p_statement_no text) returns mixpay.statements
language plpgsql stable
set search_path = mixpay, pg_temp
as $_statement$
declare
    v_statement statements;
begin
    select * into v_statement from statements where merchant_id = p_merchant_id and statement_no = p_statement_no;
    if not found then
        perform _check_merchant(p_merchant_id);
        perform _check_number('statement_no', p_statement_no);
        raise exception 'there is no statement %', p_statement_no using
            errcode = 'MX420',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'mixpay.statement_list has them all; open_statement opens one.';
    end if;
    return v_statement;
end;
$_statement$;

comment on function mixpay._statement(text, text) is
$$The statement, or an error.

Raises: MX101 if there is no such merchant; MX420 if there is no such statement; MX901.
$$;
