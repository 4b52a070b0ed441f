create function mixpay._own_items(
    p_merchant_id text, p_account text, p_owner text, p_from timestamptz, p_until timestamptz
) returns setof mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp
as $_own_items$
begin
    if p_account = 'channel' then
        return query select * from _payment_items(p_merchant_id, p_owner, p_from, p_until);
        return query select * from _refund_items(p_merchant_id, p_owner, p_from, p_until);
        return query select * from _other_items(p_merchant_id, p_owner, p_from, p_until);
    else
        return query select * from _bank_items(p_merchant_id, p_owner, p_from, p_until);
    end if;
end;
$_own_items$;

comment on function mixpay._own_items(text, text, text, timestamptz, timestamptz) is
$$What of ours a statement of an account should cover: what moved money there from p_from and before p_until.
$$;
