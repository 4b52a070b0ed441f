-- For each merchant, what is held of orders and surplus, on its way back, out of place and borne by the merchant itself
-- is what came in from channels.
select
    merchant_id,
    sum(case when from_account = 'channel' then amount when to_account = 'channel' then -amount else 0 end)
        as in_minus_out,
    sum(
        case when to_account in ('order', 'surplus', 'refund', 'anomaly', 'outside') then amount else 0 end
        - case when from_account in ('order', 'surplus', 'refund', 'anomaly', 'outside') then amount else 0 end
    ) as held
from mixpay.facts
where amount is not null
group by merchant_id
having
    sum(case when from_account = 'channel' then amount when to_account = 'channel' then -amount else 0 end) <> sum(
        case when to_account in ('order', 'surplus', 'refund', 'anomaly', 'outside') then amount else 0 end
        - case when from_account in ('order', 'surplus', 'refund', 'anomaly', 'outside') then amount else 0 end
    );
