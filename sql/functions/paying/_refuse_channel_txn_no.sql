create function mixpay._refuse_channel_txn_no(
    p_merchant_id text, p_channel text, p_channel_txn_no text, p_paid_at timestamptz
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_channel_txn_no$
declare
    v_payment payments := _paid_by(p_merchant_id, p_channel, p_channel_txn_no, _txn_day(p_channel, p_paid_at));
begin
    if v_payment.payment_no is null then
        -- It was booked after this transaction's snapshot; above READ COMMITTED only the next transaction sees it.
        raise exception 'could not serialize access: channel transaction % of % has just paid',
            _shown(p_channel_txn_no), p_channel using errcode = 'serialization_failure';
    end if;
    raise exception 'channel transaction % of % has paid already', _shown(p_channel_txn_no), p_channel using
        errcode = 'MX207',
        detail = format('It is that of payment %s for trade %s.', v_payment.payment_no, v_payment.trade_no),
        hint = 'One transaction is one payment. A channel that uses its numbers again says so: txn_numbers.';
end;
$_refuse_channel_txn_no$;

comment on function mixpay._refuse_channel_txn_no(text, text, text, timestamptz) is
$$Raises: MX207.
$$;
