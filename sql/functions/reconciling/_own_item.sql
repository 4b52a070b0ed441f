create function mixpay._own_item(
    p_merchant_id text, p_account text, p_owner text, p_kind text, p_number text
) returns mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp set enable_seqscan = off set jit = off
as $_own_item$
declare
    v_at timestamptz;
    v_item own_item;
begin
    v_at := case p_kind
        when 'payment' then (
            select paid_at from payments where merchant_id = p_merchant_id and payment_no = p_number
        )
        when 'refund' then (
            select coalesce(c.refunded_at, a.happened_at) from channel_refunds as c
            left join anomalies as a on a.merchant_id = c.merchant_id and a.channel_refund_no = c.channel_refund_no
            where c.merchant_id = p_merchant_id and c.channel_refund_no = p_number
        )
        when 'return' then (select returned_at from returns where merchant_id = p_merchant_id and return_no = p_number)
        when 'fee' then (select charged_at from channel_fees where merchant_id = p_merchant_id and fee_no = p_number)
        when 'settlement' then (
            select created_at from settlements where merchant_id = p_merchant_id and settlement_no = p_number
        )
        when 'settlement_reversal' then (
            select reversed_at from settlements where merchant_id = p_merchant_id and settlement_no = p_number
        )
        when 'repayment' then (
            select repaid_at from repayments where merchant_id = p_merchant_id and repayment_no = p_number
        )
        when 'chargeback_reversal' then (
            select reversed_at from chargebacks where merchant_id = p_merchant_id and chargeback_no = p_number
        )
        else coalesce(
            (
                select charged_at from chargebacks
                where merchant_id = p_merchant_id and chargeback_no = p_number and p_kind ~ '^chargeback'
            ),
            (
                select paid_at from channel_payouts
                where merchant_id = p_merchant_id and payout_no = p_number and p_kind ~ '^payout'
            )
        )
    end;
    if v_at is not null then
        select * into v_item
        from _own_items(p_merchant_id, p_account, p_owner, v_at, v_at + interval '1 microsecond') as i
        where i.kind = p_kind and i.number = p_number;
    elsif p_account = 'channel' and p_kind = 'payment' then
        select
            'payment', p.payment_no, 'payment', p.asked, t.currency, p.created_at, p.channel_txn_no, p.payment_no,
            p.channel_txn_no, case when p.state in ('pending', 'authorized') then 'processing' else 'failed' end
        into v_item
        from payments as p
        inner join trades as t on t.merchant_id = p.merchant_id and t.trade_no = p.trade_no
        where p.merchant_id = p_merchant_id and p.payment_no = p_number and p.channel = p_owner;
    elsif p_account = 'channel' and p_kind = 'refund' then
        select
            'refund', c.channel_refund_no, 'refund', -c.amount, t.currency, c.created_at, c.channel_txn_no,
            c.payment_no, p.channel_txn_no,
            case when c.state in ('waiting', 'pending', 'sent', 'doubt') then 'processing' else 'failed' end
        into v_item
        from channel_refunds as c
        inner join payments as p on p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
        inner join trades as t on t.merchant_id = p.merchant_id and t.trade_no = p.trade_no
        where c.merchant_id = p_merchant_id and c.channel_refund_no = p_number and c.channel = p_owner;
    end if;
    return v_item;
end;
$_own_item$;

comment on function mixpay._own_item(text, text, text, text, text) is
$$Something of ours by its number, if it is of this account, also while no money of it has moved: its state says so.
$$;
