create function mixpay._txn_day(p_channel text, p_paid_at timestamptz) returns date
language plpgsql stable
set search_path = mixpay, pg_temp
as $_txn_day$
begin
    return (
        select case c.txn_numbers
            when 'unique' then date '0001-01-01'
            when 'daily' then (coalesce(p_paid_at, now()) at time zone c.day_zone)::date
        end
        from channels as c
        where c.channel = p_channel
    );
end;
$_txn_day$;

comment on function mixpay._txn_day(text, timestamptz) is
$$The day within which a channel's number of a payment must be unique: 0001-01-01, for ever; null, not at all.
$$;
