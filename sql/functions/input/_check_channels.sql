create function mixpay._check_channels(p_channels text[]) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_channels$
declare
    v_count bigint := cardinality(p_channels);
begin
    if v_count not between 1 and 1000 or array_ndims(p_channels) <> 1 then
        raise exception 'the channels are no list of 1 to 1000' using
            errcode = 'MX904',
            detail = format('%s are named.', v_count),
            hint = 'Name 1 to 1000 channels, or leave them out: any.';
    end if;
    perform _check_channel(u.channel) from unnest(p_channels) as u (channel);
end;
$_check_channels$;

comment on function mixpay._check_channels(text[]) is
$$Refuses a list of channels that is empty, too long, of several dimensions, or names one that there is not; a null list
is no list.

Raises: MX203 if there is no such channel; MX904.
$$;
