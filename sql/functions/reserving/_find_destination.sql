create function mixpay._find_destination(
    p_merchant_id text, p_payment_no text, p_channel text, p_amount bigint, p_channel_refund_no text
) returns mixpay.refund_destination
language plpgsql stable
set search_path = mixpay, pg_temp
as $_find_destination$
declare
    v_channel channels;
    v_payment payments;
    v_number bigint;
    v_last_at timestamptz;
    v_own boolean;
    v_is_voucher boolean;
    v_problem text;
    v_instead text := '';
    v_tried text[] := array[p_channel];
begin
    select * into v_channel from channels where channel = p_channel;
    if not v_channel.is_limited then
        return row(
            p_channel, case v_channel.kind when 'offline' then 'waiting' else 'pending' end,
            case v_channel.kind when 'offline' then 'manual' end, null
        )::refund_destination;
    end if;
    select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    select kind = 'voucher' and not refund_to_money into v_is_voucher from channels where channel = v_payment.channel;
    loop
        -- Window, number, interval and parts are about a payment that came through this very channel.
        v_own := v_channel.channel = v_payment.channel;
        if v_own and (v_channel.max_refunds is not null or v_channel.refund_interval is not null) then
            -- To be planned, everything counts that is planned; to be sent, what was sent.
            select
                count(*) filter (where c.state not in ('failed', 'written_off')) as number,
                max(greatest(
                    coalesce(c.sent_at, c.refunded_at),
                    case when p_channel_refund_no is null and c.state not in ('failed', 'written_off')
                        then greatest(c.not_before, c.created_at) end
                )) as last_at
            into v_number, v_last_at
            from refund_details as d
            cross join lateral (
                select * from channel_refunds as x
                where x.merchant_id = d.merchant_id and x.refund_no = d.refund_no and x.payment_no = d.payment_no
                offset 0
            ) as c
            cross join lateral (
                select y.kind from refunds as y
                where y.merchant_id = d.merchant_id and y.refund_no = d.refund_no
                limit 1
            ) as r
            where
                d.merchant_id = p_merchant_id and d.payment_no = p_payment_no and c.channel = v_channel.channel
                -- What the channel took back by itself is no refund to it.
                and r.kind not in ('return', 'chargeback')
                and (
                    p_channel_refund_no is null
                    or (
                        c.channel_refund_no <> p_channel_refund_no
                        -- Some are sent without a claim.
                        and (c.sent_at is not null or c.state in ('doubt', 'succeeded', 'bounced'))
                    )
                );
        end if;
        v_problem := case
            when v_is_voucher and v_channel.kind <> 'voucher'
                then format('voucher: %s gives back no money, as %s would', v_payment.channel, v_channel.channel)
            when not v_channel.can_refund then format('no refunds: %s sends no money back', v_channel.channel)
            when p_amount < v_channel.min_refund
                then format('minimum: %s sends back %s at least', v_channel.channel, v_channel.min_refund)
            when not v_own then null
            when not v_channel.can_refund_in_part and p_amount <> v_payment.amount
                then format('in part: %s sends back all of a payment at once', v_channel.channel)
            when v_payment.paid_at + v_channel.refund_window <= now() then format(
                'window: %s sends money back for %s after a payment', v_channel.channel, v_channel.refund_window
            )
            when v_number >= v_channel.max_refunds
                then format('number: %s sends back %s parts of a payment', v_channel.channel, v_channel.max_refunds)
        end;
        if v_problem is null then
            if v_channel.kind = 'offline' then
                return row(v_channel.channel, 'waiting', 'manual' || v_instead, null)::refund_destination;
            elsif v_own and v_last_at + v_channel.refund_interval > now() then
                return row(v_channel.channel, 'waiting', format(
                    'interval: %s wants %s between refunds of a payment', v_channel.channel, v_channel.refund_interval
                ), v_last_at + v_channel.refund_interval)::refund_destination;
            end if;
            return row(
                v_channel.channel, 'pending', nullif(ltrim(v_instead, ', '), ''), null
            )::refund_destination;
        end if;
        v_instead := format('%s, fallback, %s', v_instead, v_problem);
        exit when v_channel.fallback_channel is null or v_channel.fallback_channel = any (v_tried);
        v_tried := v_tried || v_channel.fallback_channel;
        select * into v_channel from channels where channel = v_channel.fallback_channel;
    end loop;
    return row(p_channel, 'waiting', regexp_replace(v_instead, '^, fallback, ', ''), null)::refund_destination;
end;
$_find_destination$;

comment on function mixpay._find_destination(text, text, text, bigint, text) is
$$Where an amount of a payment goes back by the rules of a channel: through it, now or not before a moment; else through
its fallback; else nowhere until a person sees to it. The reason says which rule.

p_amount is in the smallest unit. p_channel_refund_no is the one that is about to be sent, null when it is made: then
what else is planned counts, too. The caller holds the lock of the trade.
$$;
