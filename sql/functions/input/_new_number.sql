create function mixpay._new_number(p_at timestamptz, p_ordinal bigint) returns text
language sql volatile
return to_char(p_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS')
    || lpad(p_ordinal::text, 6, '0')
    || lpad(to_hex(floor(random() * 16777216)::bigint), 6, '0');

comment on function mixpay._new_number(timestamptz, bigint) is
$$A number of our own: 32 characters that sort by p_at, which is clock_timestamp(), then by p_ordinal; the end is
random, for two sessions in one microsecond.
$$;
