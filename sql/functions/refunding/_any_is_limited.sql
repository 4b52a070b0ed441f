create function mixpay._any_is_limited(p_shares mixpay.refund_share[]) returns boolean
language plpgsql stable
set search_path = mixpay, pg_temp
as $_any_is_limited$
begin
    return exists (
        select from unnest(p_shares) as s
        where s.channel in (select c.channel from channels as c where c.is_limited)
    );
end;
$_any_is_limited$;

comment on function mixpay._any_is_limited(mixpay.refund_share[]) is
$$Whether a channel of these payments has a rule about refunds.
$$;
