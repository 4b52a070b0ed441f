create function mixpay._check_lease(p_channel_refund mixpay.channel_refunds, p_worker text) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_check_lease$
begin
    if p_worker <> p_channel_refund.worker then
        raise exception 'channel refund % is in other hands', p_channel_refund.channel_refund_no using
            errcode = 'MX305',
            detail = format('%s claimed it last, until %s.', p_channel_refund.worker, p_channel_refund.due_at),
            hint = 'The lease was over. Leave it to the worker who has it now.';
    end if;
end;
$_check_lease$;

comment on function mixpay._check_lease(mixpay.channel_refunds, text) is $$
Refuses the mark of a worker after another one claimed the channel refund; null is nobody in particular.

Raises: MX305.
$$;
