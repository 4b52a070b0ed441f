create function mixpay._count_parts(p_refund mixpay.refunds, p_succeeded bigint, p_freed bigint) returns mixpay.refunds
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_count_parts$
declare
    v_refund refunds := p_refund;
begin
    v_refund.succeeded := v_refund.succeeded + p_succeeded;
    v_refund.freed := v_refund.freed + p_freed;
    v_refund.state := case
        when v_refund.succeeded + v_refund.freed < v_refund.amount then 'processing'
        when v_refund.freed = 0 then 'succeeded'
        when v_refund.succeeded = 0 then 'failed' else 'partly_failed'
    end;
    return v_refund;
end;
$_count_parts$;

comment on function mixpay._count_parts(mixpay.refunds, bigint, bigint) is
$$The refund of which so much more has succeeded and been freed, in the smallest unit, and its state.
$$;
