create function mixpay.register_channel(
    p_channel text, p_title text, p_kind text,
    p_can_refund boolean default true, p_can_refund_in_part boolean default true,
    p_refund_window interval default null, p_max_refunds bigint default null, p_refund_interval interval default null,
    p_min_refund bigint default null, p_fallback_channel text default null, p_source text default null,
    p_txn_numbers text default 'unique', p_day_zone text default 'UTC', p_refund_to_money boolean default false
) returns mixpay.channels
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $register_channel$
declare
    v_channel channels;
    v_txn_numbers text := coalesce(p_txn_numbers, 'unique');
    v_day_zone text := coalesce(p_day_zone, 'UTC');
begin
    if p_channel is null or p_channel !~ '^[a-z][a-z0-9_.-]{0,63}$' then
        raise exception 'this cannot name a channel' using
            errcode = 'MX901',
            detail = format('It is %s.', _shown(p_channel, '''')),
            hint = 'A channel is named by 1 to 64 of a-z, 0-9, "_", "." and "-", a letter first.';
    end if;
    perform _check_title(p_title);
    perform _check_choice('kind', p_kind, array['online', 'wallet', 'voucher', 'offline']);
    perform _check_text('source', p_source);
    perform _check_choice('txn_numbers', v_txn_numbers, array['unique', 'daily', 'none']);
    -- The usual one is there; to read the names of all takes longer than the rest.
    if v_day_zone <> 'UTC' and not exists (select from pg_timezone_names where name = v_day_zone) then
        raise exception 'there is no such time zone' using
            errcode = 'MX905',
            detail = format('It is %s.', _shown(v_day_zone, '''')),
            hint = 'Say one of pg_timezone_names, such as Asia/Shanghai, or leave it out: UTC.';
    end if;
    -- In seconds, because intervals compare as if a month had 30 days.
    if extract(epoch from p_refund_window) not between 1 and 3155760000
        or extract(epoch from p_refund_interval) not between 1 and 3155760000
        or least(p_refund_window, p_refund_interval) <= interval '0'
        -- Years that days take back would still leave the calendar.
        or least(extract(year from p_refund_window), extract(year from p_refund_interval)) < -100
        or greatest(extract(year from p_refund_window), extract(year from p_refund_interval)) > 100 then
        raise exception 'a limit of channel % is out of bounds', p_channel using
            errcode = 'MX905',
            detail = format('The window is %s and the interval %s.',
                coalesce(p_refund_window::text, '(none)'), coalesce(p_refund_interval::text, '(none)')),
            hint = 'Say 1 second to 100 years, or leave it out: no limit.';
    end if;
    if p_max_refunds < 1 then
        raise exception 'a limit of channel % is out of bounds', p_channel using
            errcode = 'MX904',
            detail = format('The number of refunds is %s.', p_max_refunds),
            hint = 'Say 1 at least, or leave it out: no limit. For none say p_can_refund => false.';
    end if;
    if p_min_refund is not null then
        perform _check_amount('min_refund', p_min_refund);
    end if;
    if p_fallback_channel is not null then
        if p_fallback_channel = p_channel then
            raise exception 'channel % cannot be its own fallback', p_channel using
                errcode = 'MX905',
                detail = 'A fallback takes what the channel cannot send.',
                hint = 'Name another channel, or none: then it waits for a person.';
        end if;
        perform _check_channel(p_fallback_channel);
    end if;
    insert into channels as c (
        channel, title, kind, can_refund, can_refund_in_part, refund_window, max_refunds, refund_interval, min_refund,
        fallback_channel, source, txn_numbers, day_zone, refund_to_money
    ) values (
        p_channel, p_title, p_kind, coalesce(p_can_refund, true), coalesce(p_can_refund_in_part, true),
        p_refund_window, p_max_refunds, p_refund_interval, p_min_refund, p_fallback_channel, p_source,
        v_txn_numbers, v_day_zone, coalesce(p_refund_to_money, false)
    )
    on conflict (channel) do update set
        title = excluded.title, kind = excluded.kind, can_refund = excluded.can_refund,
        can_refund_in_part = excluded.can_refund_in_part, refund_window = excluded.refund_window,
        max_refunds = excluded.max_refunds, refund_interval = excluded.refund_interval,
        min_refund = excluded.min_refund, fallback_channel = excluded.fallback_channel, source = excluded.source,
        txn_numbers = excluded.txn_numbers, day_zone = excluded.day_zone, refund_to_money = excluded.refund_to_money
    returning c.* into v_channel;
    return v_channel;
end;
$register_channel$;

comment on function mixpay.register_channel(
    text, text, text, boolean, boolean, interval, bigint, interval, bigint, text, text, text, text,
    boolean
) is
$$Registers a channel for all merchants. If the channel is known, it becomes what this call says; a limit that is left
out is no limit.

p_kind says how money goes back: online and wallet channels are asked to send it; voucher gives vouchers back; offline
means that a person hands the money over. The rules about the refunds of one payment are: whether the channel sends
money back at all, and in part; for how long after the payment; how many times; how far apart; and the least amount, in
the smallest unit. What it cannot send goes to p_fallback_channel. Without one it waits for a person.

p_source says where the rules are published. A change counts for refunds from now on, and for those that become due and
were not sent yet.

p_txn_numbers says how the channel numbers payments: unique, a number is used once for ever; daily, once in a day of
p_day_zone, by the moment of the payment; none, it may be used again at any time. A change counts for numbers that are
written from now on. Older numbers stay as they were, and are compared only with numbers of the same kind.

With p_refund_to_money, what was paid with this voucher may go back as money. Without it, a channel of kind voucher
gives back vouchers only. Register points that are no money as a voucher, too.
Locks: the channel.
Raises: MX203 if there is no such fallback; MX901; MX902; MX904; MX905.
$$;
