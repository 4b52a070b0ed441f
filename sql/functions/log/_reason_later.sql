create function mixpay._reason_later(
    p_row anyelement, p_key text, p_reason text, p_column text default 'reason'
) returns anyelement
language plpgsql
set search_path = mixpay, pg_temp
as $_reason_later$
declare
    v_was jsonb;
begin
    if p_reason is null then
        return p_row;
    end if;
    v_was := to_jsonb(p_row);
    if v_was ->> p_column is not null then
        return p_row;
    end if;
    -- Who comes second waits here, and leaves what the first one said.
    execute format(
        'update %1$s set %2$I = coalesce(%2$I, $1) where merchant_id = $2 and %3$I = $3 returning *',
        pg_typeof(p_row), p_column, p_key
    ) into p_row using p_reason, v_was ->> 'merchant_id', v_was ->> p_key;
    return p_row;
end;
$_reason_later$;

comment on function mixpay._reason_later(anyelement, text, text, text) is
$$A table's row with its reason, which may come later than the row. The first one stays.

p_key is the column that names the row within its merchant, p_column the one that bears the reason.
$$;
