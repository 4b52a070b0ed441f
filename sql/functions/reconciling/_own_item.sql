create function mixpay._own_item(
    p_merchant_id text, p_account text, p_owner text, p_kind text, p_number text
) returns mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_own_item$
declare
    v_taken record;
    v_item own_item;
begin
    if p_account = 'channel' and p_kind = 'payment' then
        return _own_payment(p_merchant_id, p_owner, p_number);
    elsif p_account = 'channel' and p_kind in ('refund', 'refund_reversal') then
        return _own_refund(p_merchant_id, p_owner, p_kind, p_number);
    elsif p_account = 'channel' and p_kind ~ '^(chargeback|return)' then
        if p_kind = 'return' then
            select payment_no, -amount as amount, returned_at as at into v_taken from returns
            where merchant_id = p_merchant_id and return_no = p_number;
        else
            select
                payment_no,
                case p_kind when 'chargeback' then -amount when 'chargeback_fee' then -fee else reversed end as amount,
                case p_kind when 'chargeback_reversal' then reversed_at else charged_at end as at
            into v_taken from chargebacks
            where merchant_id = p_merchant_id and chargeback_no = p_number;
        end if;
        v_item := _own_payment(p_merchant_id, p_owner, v_taken.payment_no);
        v_item.amount := nullif(v_taken.amount, 0);
        v_item.happened_at := v_taken.at;
    elsif p_account = 'channel' and p_kind = 'fee' then
        select -amount, currency, charged_at into v_item.amount, v_item.currency, v_item.happened_at from channel_fees
        where merchant_id = p_merchant_id and fee_no = p_number and channel = p_owner;
    elsif p_kind in ('payout', 'payout_reversal') then
        select
            case p_account when 'channel' then -amount else amount end, currency, paid_at
        into v_item.amount, v_item.currency, v_item.happened_at from channel_payouts
        where
            merchant_id = p_merchant_id and payout_no = p_number
            and p_owner = case p_account when 'channel' then channel else bank end
            and (amount > 0) = (p_kind = 'payout');
    elsif p_account = 'bank' and p_kind in ('settlement', 'settlement_reversal') then
        select
            case p_kind when 'settlement' then -amount else amount end, currency,
            case p_kind when 'settlement' then created_at else reversed_at end
        into v_item.amount, v_item.currency, v_item.happened_at from settlements
        where
            merchant_id = p_merchant_id and settlement_no = p_number and bank = p_owner and amount > 0
            and (p_kind = 'settlement' or state = 'reversed');
    elsif p_account = 'bank' and p_kind = 'repayment' then
        select amount, currency, repaid_at into v_item.amount, v_item.currency, v_item.happened_at from repayments
        where merchant_id = p_merchant_id and repayment_no = p_number and bank = p_owner;
    end if;
    if v_item.amount is null or v_item.currency is null then
        return null;
    end if;
    v_item.kind := p_kind;
    v_item.number := p_number;
    v_item.channel_key := p_number;
    v_item.state := 'succeeded';
    return v_item;
end;
$_own_item$;

comment on function mixpay._own_item(text, text, text, text, text) is
$$Something of ours by its number, if it is of this account, also while no money of it has moved: its state says so.
$$;
