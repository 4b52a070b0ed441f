-- What is on record of a settlement is its row: settled once, its amount paid out to its owner once, and reversed once
-- if it is.
select
    coalesce(s.merchant_id, f.merchant_id) as merchant_id,
    coalesce(s.settlement_no, f.number) as settlement_no,
    s.state, s.amount, f.steps, f.paid_out, f.came_back
from mixpay.settlements as s
full join (
    select
        merchant_id, number, currency, string_agg(from_state || '>' || to_state, ' ' order by entry) as steps,
        sum(case when to_account = 'outside' then amount else 0 end) as paid_out,
        sum(case when from_account = 'outside' then amount else 0 end) as came_back,
        min(case when to_account = 'outside' then from_account else to_account end) as account,
        max(case when to_account = 'outside' then from_account else to_account end) as last_account,
        min(coalesce(from_owner, to_owner)) as owner, max(coalesce(from_owner, to_owner)) as last_owner
    from mixpay.facts
    where log = 'settlement'
    group by merchant_id, number, currency
) as f on f.merchant_id = s.merchant_id and f.number = s.settlement_no and f.currency = s.currency
where
    (f.steps, f.paid_out, f.came_back) is distinct from (
        '>settled' || case s.state when 'reversed' then ' settled>reversed' else '' end,
        s.amount::numeric, case s.state when 'reversed' then s.amount else 0 end::numeric
    )
    or s.amount > 0 and (f.account, f.last_account, f.owner, f.last_owner) is distinct from (
        s.account, s.account, s.owner, s.owner
    );
