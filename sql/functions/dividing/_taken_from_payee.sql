create function mixpay._taken_from_payee(p_line mixpay.trade_orders) returns bigint
language plpgsql stable
set search_path = mixpay, pg_temp
as $_taken_from_payee$
begin
    return (
        select coalesce(sum(case when f.from_account = 'payee' then f.amount else -f.amount end), 0)
        from facts as f
        where
            f.merchant_id = p_line.merchant_id and f.log = 'trade' and f.log_no = p_line.trade_no
            and f.order_no = p_line.order_no and f.entity = 'refund'
            and (
                (f.from_account = 'payee' and f.from_owner = p_line.payee_no)
                or (f.to_account = 'payee' and f.to_owner = p_line.payee_no)
            )
    );
end;
$_taken_from_payee$;

comment on function mixpay._taken_from_payee(mixpay.trade_orders) is
$$What refunds of a line have taken from its payee and not given back since, in the smallest unit.
$$;
