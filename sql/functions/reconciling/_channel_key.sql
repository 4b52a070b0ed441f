create function mixpay._channel_key(
    p_txn_no text, p_numbers text, p_zone text, p_at timestamptz, p_amount bigint
) returns text
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_channel_key$
begin
    return case p_numbers
        when 'daily' then p_txn_no || ' ' || (p_at at time zone p_zone)::date
        when 'none' then p_txn_no || ' ' || (p_at at time zone p_zone)::date || ' ' || p_amount
        else p_txn_no
    end;
end;
$_channel_key$;

comment on function mixpay._channel_key(text, text, text, timestamptz, bigint) is
$$What a channel's number and, where the channel uses its numbers again, the day and the amount make: two that are the
same are one movement.
$$;
