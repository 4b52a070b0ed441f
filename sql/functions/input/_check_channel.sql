create function mixpay._check_channel(p_channel text) returns mixpay.channels
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_channel$
declare
    v_channel channels;
begin
    select * into v_channel from channels where channel = p_channel;
    if not found then
        raise exception 'there is no channel %', _shown(coalesce(p_channel, '(null)')) using
            errcode = 'MX203',
            detail = format(
                'There are %s channels: %s.', (select count(*) from channels),
                _shown((select string_agg(channel, ', ' order by channel) from channels))
            ),
            hint = 'Register it with register_channel.';
    end if;
    return v_channel;
end;
$_check_channel$;

comment on function mixpay._check_channel(text) is
$$The channel, or an error.

Raises: MX203 if there is no such channel.
$$;
