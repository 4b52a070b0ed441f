-- For each merchant, what all other accounts hold together is what came in from channels and did not go back.
select
    merchant_id,
    sum(case when from_account = 'channel' then amount when to_account = 'channel' then -amount else 0 end)
        as in_minus_out,
    sum(
        case when to_account in ('order', 'surplus', 'refund', 'anomaly', 'outside', 'payee', 'receiver', 'fee')
            then amount else 0 end
        - case when from_account in ('order', 'surplus', 'refund', 'anomaly', 'outside', 'payee', 'receiver', 'fee')
            then amount else 0 end
    ) as held
from mixpay.journal
group by merchant_id
having
    sum(case when from_account = 'channel' then amount when to_account = 'channel' then -amount else 0 end) <> sum(
        case when to_account in ('order', 'surplus', 'refund', 'anomaly', 'outside', 'payee', 'receiver', 'fee')
            then amount else 0 end
        - case when from_account in ('order', 'surplus', 'refund', 'anomaly', 'outside', 'payee', 'receiver', 'fee')
            then amount else 0 end
    );
