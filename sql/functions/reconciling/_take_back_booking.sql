create function mixpay._take_back_booking(
    p_terms mixpay.reconciled_accounts, p_was mixpay.resolutions, p_number text, p_reason text
) returns text
language plpgsql
set search_path = mixpay, pg_temp
as $_take_back_booking$
declare
    v_merchant_id text := p_was.merchant_id;
    v_line statement_lines;
begin
    select * into v_line from statement_lines
    where
        merchant_id = v_merchant_id and statement_no = p_was.statement_no and line_no = p_was.line_no
        and part = p_was.part;
    if p_was.kind = 'payment' then
        perform return_payment(v_merchant_id, p_was.number, p_number, p_reason, v_line.amount, v_line.happened_at);
        return 'return';
    elsif p_was.kind = 'refund' then
        -- Where that came back before, another transfer may stand in its place.
        perform bounce_channel_refund(v_merchant_id, p_was.number, p_reason, null, v_line.happened_at)
        from channel_refunds
        where
            merchant_id = v_merchant_id and channel_refund_no = p_was.number and nth = 1 and state = 'succeeded';
        return 'refund_reversal';
    elsif p_was.kind = 'chargeback' then
        perform reverse_chargeback(v_merchant_id, p_was.number, p_reason, null, v_line.happened_at)
        from chargebacks
        where merchant_id = v_merchant_id and chargeback_no = p_was.number and state <> 'reversed';
        -- The fee that was booked with it is nobody's either.
        perform record_channel_fee(
            v_merchant_id, p_terms.owner, p_number, -c.fee, v_line.currency, c.payment_no, p_reason, v_line.happened_at
        )
        from chargebacks as c
        where c.merchant_id = v_merchant_id and c.chargeback_no = p_was.number and c.fee > 0;
        return 'chargeback_reversal';
    elsif p_was.kind = 'fee' then
        perform record_channel_fee(
            v_merchant_id, p_terms.owner, p_number, v_line.amount, v_line.currency, f.payment_no, p_reason,
            v_line.happened_at
        )
        from channel_fees as f
        where f.merchant_id = v_merchant_id and f.fee_no = p_was.number;
        return 'fee';
    elsif p_was.kind in ('payout', 'payout_reversal') then
        perform record_channel_payout(
            v_merchant_id, o.channel, p_number, -o.amount, o.currency, v_line.happened_at, o.bank
        )
        from channel_payouts as o
        where o.merchant_id = v_merchant_id and o.payout_no = p_was.number;
        return case p_was.kind when 'payout' then 'payout_reversal' else 'payout' end;
    elsif p_was.kind = 'adjustment' then
        perform adjust_account(
            v_merchant_id, a.account || ':' || a.owner, p_number, -a.amount, a.currency, p_reason,
            a.against_account || ':' || a.against_owner
        )
        from adjustments as a
        where a.merchant_id = v_merchant_id and a.adjustment_no = p_was.number;
        return 'adjustment';
    end if;
    raise exception 'a % that was booked is not taken back', p_was.kind using
        errcode = 'MX432',
        detail = format('It is %s, booked by resolution %s.', p_was.number, p_was.resolution_no),
        hint = case p_was.kind
            when 'return' then 'Record the payment again, by record_payment; or adjust_account, if nobody paid.'
            else 'Adjust its account back, by adjust_account.'
        end;
end;
$_take_back_booking$;

comment on function mixpay._take_back_booking(
    mixpay.reconciled_accounts, mixpay.resolutions, text, text
) is
$$Books the opposite of what was booked from a line, under a number of its own, and returns of which kind it is.
$$;
