-- No stretch of the log is in two settlements of one account.
create view mixpay._movement_is_in_at_most_one_settlement with (security_barrier) as
select s.merchant_id, s.settlement_no, o.settlement_no as other_settlement_no, s.account, s.owner, s.currency
from mixpay.settlements as s
inner join mixpay.settlements as o
    on
        o.merchant_id = s.merchant_id and o.currency = s.currency and o.settlement_no > s.settlement_no
        and o.account = s.account and o.owner = s.owner
where
    (s.from_epoch, s.from_xid) < (o.until_epoch, o.until_xid)
    and (o.from_epoch, o.from_xid) < (s.until_epoch, s.until_xid)
    and (s.from_epoch, s.from_xid) < (s.until_epoch, s.until_xid)
    and (o.from_epoch, o.from_xid) < (o.until_epoch, o.until_xid);
