-- What the facts leave on the anomaly account of a merchant is what its open anomalies sum to.
create view mixpay._anomaly_account_holds_the_open_anomalies with (security_barrier) as
select
    coalesce(a.merchant_id, f.merchant_id) as merchant_id,
    coalesce(f.missing, 0) as missing,
    coalesce(a.open, 0) as open
from (
    select merchant_id, sum(case from_account when 'anomaly' then amount else -amount end) as missing
    from mixpay.facts
    where from_account = 'anomaly' or to_account = 'anomaly'
    group by merchant_id
) as f
full join (
    select merchant_id, sum(amount) as open from mixpay.anomaly_list group by merchant_id
) as a on a.merchant_id = f.merchant_id
where coalesce(f.missing, 0) <> coalesce(a.open, 0);
