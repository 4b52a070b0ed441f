create function mixpay._refuse_other_totals(p_statement mixpay.statements, p_totals jsonb) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refuse_other_totals$
declare
    v_said record;
    v_stored bigint;
begin
    for v_said in
        select j.value ->> 'currency' as currency, k.key, j.value -> k.key as value, j.i
        from jsonb_array_elements(p_totals) with ordinality as j (value, i)
        cross join (values ('amount'), ('fee')) as k (key)
        order by j.i, k.key
    loop
        if v_said.value::text !~ '^(-?[0-9]{1,18}|null)$' then
            raise exception 'total %: "%" is not a whole number', v_said.i, v_said.key using
                errcode = 'MX903',
                detail = format('It is %s.', _shown(v_said.value::text)),
                hint = 'Write it without quotes, point or exponent.';
        end if;
        v_stored := coalesce((
            select case v_said.key when 'amount' then t.amount else t.fee end from statement_totals as t
            where
                t.merchant_id = p_statement.merchant_id and t.statement_no = p_statement.statement_no
                and t.currency = v_said.currency
        ), 0);
        if (v_said.value #>> '{}')::bigint <> v_stored then
            raise exception 'statement % sums to something else', p_statement.statement_no using
                errcode = 'MX424',
                detail = format(
                    'Its %s in %s is %s, and %s is said.', v_said.key, _shown(v_said.currency), v_stored, v_said.value
                ),
                hint = 'The file is not complete, or its lines were read wrongly.';
        end if;
    end loop;
end;
$_refuse_other_totals$;

comment on function mixpay._refuse_other_totals(mixpay.statements, jsonb) is
$$Refuses totals that are said and are not those of the lines.

Raises: MX424 if the lines sum to something else; MX903.
$$;
