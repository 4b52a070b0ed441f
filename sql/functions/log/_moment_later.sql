create function mixpay._moment_later(
    p_row anyelement, p_key text, p_log text, p_column text, p_moment timestamptz
) returns anyelement
language plpgsql
set search_path = mixpay, pg_temp
as $_moment_later$
declare
    v_was jsonb := to_jsonb(p_row);
    v_is_filled boolean;
    v_fact fact;
begin
    if not _is_another_moment((v_was ->> p_column)::timestamptz, p_moment) then
        return p_row;
    end if;
    -- Who comes second waits here, and sees then what the first one named.
    execute format(
        'update %1$s set %2$I = $1 where merchant_id = $2 and %3$I = $3 and %2$I = created_at returning true',
        pg_typeof(p_row), p_column, p_key
    ) into v_is_filled using p_moment, v_was ->> 'merchant_id', v_was ->> p_key;
    if v_is_filled then
        select
            f.merchant_id, f.log, f.log_no, null::bigint, f.entity, f.number, f.to_state, f.to_state,
            null, null, null, null, null::bigint, f.currency, f.payment_no, f.order_no, f.refund_no,
            f.channel_refund_no, 'its moment came later', p_moment, null, null
        into v_fact
        from facts as f
        where merchant_id = v_was ->> 'merchant_id' and log = p_log and log_no = v_was ->> p_key and entry = 1;
        perform _write_facts(array[v_fact], 1);
    end if;
    execute format('select * from %s where merchant_id = $1 and %I = $2', pg_typeof(p_row), p_key)
    into p_row using v_was ->> 'merchant_id', v_was ->> p_key;
    return p_row;
end;
$_moment_later$;

comment on function mixpay._moment_later(anyelement, text, text, text, timestamptz) is
$$A row that has a log of its own, as it is now: if its moment was assumed when it was written, p_moment takes its
place, which is the second fact of the log; else it stays.

p_key is the column that names the row within its merchant, p_log which log is its own, p_column the one that bears the
moment.
$$;
