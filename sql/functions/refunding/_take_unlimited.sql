create function mixpay._take_unlimited(
    p_trade mixpay.trades, p_amount bigint, p_kinds jsonb
) returns mixpay.refund_share[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_take_unlimited$
declare
    v_share refund_share;
    v_shares refund_share[] := _take_oldest(p_trade, p_amount, null);
begin
    foreach v_share in array v_shares loop
        if not p_kinds ? v_share.channel then
            return null;
        end if;
    end loop;
    return v_shares;
end;
$_take_unlimited$;

comment on function mixpay._take_unlimited(mixpay.trades, bigint, jsonb) is
$$The trade's payments that an amount is to be taken from, the oldest first; null, if a channel of theirs has rules
about refunds. p_kinds are the kinds of all channels that have none, by channel.
$$;
