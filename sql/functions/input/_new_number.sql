create function mixpay._new_number(p_at timestamptz, p_ordinal bigint) returns text
language plpgsql
set search_path = mixpay, pg_temp
as $_new_number$
begin
    return to_char(p_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS')
        || lpad(p_ordinal::text, 6, '0')
        || left(gen_random_uuid()::text, 6);
end;
$_new_number$;

comment on function mixpay._new_number(timestamptz, bigint) is
$$A number of our own: 32 characters that sort by p_at, which is clock_timestamp(), then by p_ordinal; the end is
random.
$$;
