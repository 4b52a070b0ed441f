create function mixpay._was_assumed(
    p_trade mixpay.trades, p_entity text, p_number text, p_moment timestamptz
) returns boolean
language plpgsql stable
set search_path = mixpay, pg_temp
as $_was_assumed$
begin
    return exists (
        select from facts as f
        where
            f.merchant_id = p_trade.merchant_id and f.log = 'trade' and f.log_no = p_trade.trade_no
            and f.entity = p_entity and f.number = p_number
            and f.happened_at = p_moment and f.created_at = p_moment
    );
end;
$_was_assumed$;

comment on function mixpay._was_assumed(mixpay.trades, text, text, timestamptz) is
$$Whether nobody named this moment when it was written down: then it is the one of writing, and the true one may come
later.
$$;
