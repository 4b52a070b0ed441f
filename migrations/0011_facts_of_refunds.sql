-- What was refunded in a period is found by itself, however much else was written then.
-- The log is read once. It is one transaction together with its mark, so the index cannot be built concurrently.
-- The code stays.
-- squawk-ignore-file require-concurrent-index-creation
set role mixpay_owner;

create index facts_of_refunds on mixpay.facts (merchant_id, epoch, xid)
where entry > 0 and refund_no is not null and amount is not null;

reset role;
