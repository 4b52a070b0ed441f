create function mixpay._booked_kind(
    p_terms mixpay.reconciled_accounts, p_line mixpay.statement_lines, p_against text
) returns text
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_booked_kind$
begin
    return case
        when p_terms.account = 'channel' and p_line.kind in (
            'payment', 'refund', 'chargeback', 'return', 'fee', 'payout', 'payout_reversal'
        ) then p_line.kind
        when p_terms.account = 'bank' and p_against ~ '^channel:'
            then case when p_line.amount > 0 then 'payout' else 'payout_reversal' end
        when p_terms.account = 'bank' and p_line.amount > 0 and p_against ~ '^(payee|receiver):' then 'repayment'
        when p_line.kind in ('refund_reversal', 'chargeback_reversal') then null
        else 'adjustment'
    end;
end;
$_booked_kind$;

comment on function mixpay._booked_kind(mixpay.reconciled_accounts, mixpay.statement_lines, text) is
$$As what a line is booked; null: as nothing, for what it takes back is on record and a call of its own says so.
$$;
