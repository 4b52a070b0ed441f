create function mixpay._check_lease(p_channel_refund mixpay.channel_refunds, p_worker text) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_check_lease$
begin
    if p_worker <> p_channel_refund.worker or (
        p_channel_refund.state = 'sent'
        and (p_channel_refund.due_at <= now() or (p_worker is null and p_channel_refund.attempts > 1))
    ) then
        raise exception 'channel refund % is in other hands', p_channel_refund.channel_refund_no using
            errcode = 'MX305',
            detail = format('%s claimed it last; it is %s, until %s.', p_channel_refund.worker,
                p_channel_refund.state, coalesce(p_channel_refund.due_at::text, 'somebody sees to it')),
            hint = 'After a lease it is sent again, under the same number. Only who has it now may mark it, by name.';
    end if;
end;
$_check_lease$;

comment on function mixpay._check_lease(mixpay.channel_refunds, text) is
$$Refuses a mark after the lease, by another worker than the last one, or without a name once it was claimed again.

Raises: MX305.
$$;
