-- No fact is of an epoch that is still to come.
create view mixpay._epoch_of_a_fact_has_begun with (security_barrier) as
select f.merchant_id, f.log, f.log_no, f.entry, f.epoch, e.epoch as last_epoch
from mixpay.facts as f
cross join (select max(x.epoch) as epoch from mixpay.epochs as x) as e
where coalesce(f.epoch > e.epoch, true);
