create function mixpay.register_channel(p_channel text, p_title text, p_kind text) returns mixpay.channels
language plpgsql security definer
set search_path = mixpay, pg_temp
as $register_channel$
declare
    v_channel channels;
begin
    if p_channel is null or p_channel !~ '^[a-z][a-z0-9_.-]{0,63}$' then
        raise exception 'this cannot name a channel' using
            errcode = 'MX901',
            detail = format('It is %s.', coalesce(quote_literal(left(p_channel, 80)), 'null')),
            hint = 'A channel is named by 1 to 64 of a-z, 0-9, "_", "." and "-", a letter first.';
    end if;
    perform _check_title(p_title);
    perform _check_choice('kind', p_kind, array['online', 'wallet', 'voucher', 'offline']);
    insert into channels as c (channel, title, kind)
    values (p_channel, p_title, p_kind)
    on conflict (channel) do update set title = excluded.title, kind = excluded.kind
    returning c.* into v_channel;
    return v_channel;
end;
$register_channel$;

comment on function mixpay.register_channel(text, text, text) is $$
Registers a channel for all merchants, or updates its title and kind.

p_kind: online and wallet are asked to send money back; voucher gives back what it was; offline means that a person
hands the money over. A change counts for refunds from now on.
Locks: the channel.
Raises: MX901; MX905.
$$;
