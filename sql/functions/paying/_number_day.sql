create function mixpay._number_day(p_channel mixpay.channels, p_paid_at timestamptz) returns date
-- In SQL, and bound when it is made, as _fact is: a payment reads its channel anyway.
language sql immutable
return case p_channel.txn_numbers
    when 'unique' then date '0001-01-01'
    when 'daily' then (p_paid_at at time zone p_channel.day_zone)::date
end;

comment on function mixpay._number_day(mixpay.channels, timestamptz) is
$$The day within which the channel's number of a payment of that moment must be unique: 0001-01-01, for ever; null, not
at all.
$$;
