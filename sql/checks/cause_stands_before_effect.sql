-- In the log of a trade, a refund that begins there stands before all movements that bear its number; and a settlement
-- or a repayment begins with its own state. What was written before its epoch was on record stands as it was written
-- then: until 0.3.0, what a refund took back from payees stood before it. A union that stood in the view by itself
-- would be no barrier: PostgreSQL looks through it.
create view mixpay._cause_stands_before_effect with (security_barrier) as
select x.* from (
    select f.merchant_id, f.log, f.log_no, f.entry, f.refund_no, b.entry as begins_at
    from mixpay.facts as b
    inner join mixpay.epochs as e on e.epoch = b.epoch and e.created_at <= b.created_at
    inner join mixpay.facts as f
        on f.merchant_id = b.merchant_id and f.log = b.log and f.log_no = b.log_no and f.refund_no = b.refund_no
    where b.log = 'trade' and b.entity = 'refund' and b.from_state = '' and f.amount is not null and f.entry < b.entry
    union all
    select o.merchant_id, o.log, o.log_no, o.entry, null, null
    from mixpay.facts as o
    where o.log <> 'trade' and (o.entry = 1) <> (o.from_state is not distinct from '')
) as x;
