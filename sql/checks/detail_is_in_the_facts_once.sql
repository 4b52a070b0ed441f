-- The facts hold each detail that is not freed once on its way back, and each that is freed not at all.
create view mixpay._detail_is_in_the_facts_once with (security_barrier) as
select d.merchant_id, d.refund_no, d.payment_no, d.amount, d.freed, coalesce(f.reserved, 0) as reserved
from mixpay.refund_details as d
inner join mixpay.payments as p on p.merchant_id = d.merchant_id and p.payment_no = d.payment_no
left join (
    select
        merchant_id, log_no as trade_no, refund_no, payment_no,
        sum(case to_account when 'refund' then amount else -amount end) as reserved
    from mixpay.facts
    where
        log = 'trade'
        and (
            (to_account = 'refund' and from_account in ('order', 'surplus'))
            or (from_account = 'refund' and to_account in ('order', 'surplus'))
        )
    group by merchant_id, log_no, refund_no, payment_no
) as f
    on
        f.merchant_id = d.merchant_id and f.trade_no = p.trade_no and f.refund_no = d.refund_no
        and f.payment_no = d.payment_no
where coalesce(f.reserved, 0) <> case when d.freed then 0 else d.amount end;
