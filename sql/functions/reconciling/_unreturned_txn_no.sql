create function mixpay._unreturned_txn_no(
    p_terms mixpay.reconciled_accounts, p_channel_txn_no text
) returns text
language plpgsql stable
set search_path = mixpay, pg_temp
as $_unreturned_txn_no$
begin
    if exists (
        select from _taken_back(p_terms) as b
        where
            b.kind = 'payment' and p_channel_txn_no = (
                select p.channel_txn_no from payments as p
                where p.merchant_id = b.merchant_id and p.payment_no = b.number
            )
    ) then
        return null;
    end if;
    return p_channel_txn_no;
end;
$_unreturned_txn_no$;

comment on function mixpay._unreturned_txn_no(mixpay.reconciled_accounts, text) is
$$A channel's number of a payment; null, if it is that of a payment which was booked by mistake and taken back, for
there it stays.
$$;
