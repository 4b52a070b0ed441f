-- No stretch of the log is in two settlements of one account.
select s.merchant_id, s.settlement_no, o.settlement_no as other_settlement_no, s.payee_no, s.receiver, s.currency
from mixpay.settlements as s
inner join mixpay.settlements as o
    on
        o.merchant_id = s.merchant_id and o.currency = s.currency and o.settlement_no > s.settlement_no
        and coalesce(o.payee_no, o.receiver) = coalesce(s.payee_no, s.receiver)
        and (o.receiver is null) = (s.receiver is null)
where
    (s.from_epoch, s.from_xid) < (o.until_epoch, o.until_xid)
    and (o.from_epoch, o.from_xid) < (s.until_epoch, s.until_xid)
    and (s.from_epoch, s.from_xid) < (s.until_epoch, s.until_xid)
    and (o.from_epoch, o.from_xid) < (o.until_epoch, o.until_xid);
