create function mixpay._txn_day(p_channel text, p_paid_at timestamptz) returns date
language plpgsql stable
set search_path = mixpay, pg_temp
as $_txn_day$
begin
    return (select _number_day(c, coalesce(p_paid_at, now())) from channels as c where c.channel = p_channel);
end;
$_txn_day$;

comment on function mixpay._txn_day(text, timestamptz) is
$$_number_day of a channel that is named; a moment that is left out is now.
$$;
