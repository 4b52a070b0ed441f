-- A fact's number is that of what it is about, and the accounts of an order, a surplus, a refund and an anomaly are
-- those of the order, payment, refund and channel refund that it names.
create view mixpay._fact_names_what_it_is_about with (security_barrier) as
select
    merchant_id, log, log_no, entry, entity, number, from_account, from_owner, to_account, to_owner,
    payment_no, order_no, refund_no, channel_refund_no
from mixpay.facts
where
    number is distinct from case
        when entity = 'payment' then payment_no
        when entity = 'refund' then refund_no
        when entity = 'channel_refund' then channel_refund_no
        when entity in ('trade', 'settlement', 'repayment', 'adjustment', 'channel_fee', 'channel_payout') then log_no
        else number
    end
    or from_owner is distinct from case from_account
        when 'order' then order_no
        when 'surplus' then payment_no
        when 'refund' then refund_no
        when 'anomaly' then channel_refund_no
        else from_owner
    end
    or to_owner is distinct from case
        when to_account = 'order' and from_account <> 'order' then order_no
        when to_account = 'surplus' then payment_no
        when to_account = 'refund' then refund_no
        when to_account = 'anomaly' then channel_refund_no
        else to_owner
    end;
