-- What is on record of a settlement is its row: settled once, then reversed and settled again in turn; its amount left
-- its owner's account for its bank (before there were banks, for outside) each time that it was settled, and came back
-- from there each time that it was reversed.
create view mixpay._settlement_is_in_the_facts_once with (security_barrier) as
select
    coalesce(f.merchant_id, s.merchant_id) as merchant_id,
    coalesce(s.settlement_no, f.number) as settlement_no,
    s.state, s.amount, s.bank, f.steps, f.paid_out, f.came_back, f.accounts
from mixpay.settlements as s
full join (
    select
        x.merchant_id, x.number, x.currency,
        string_agg(x.from_state || '>' || x.to_state, ' ' order by x.entry) as steps, count(*) as changes,
        sum(case when x.leaves then x.amount else 0 end) as paid_out,
        sum(case when x.leaves then 0 else x.amount end) as came_back,
        string_agg(distinct case when x.leaves then x.gave || ' ' || x.got else x.got || ' ' || x.gave end, ', ')
            filter (where x.amount is not null) as accounts
    from (
        select
            f.*, f.to_account in ('outside', 'bank') as leaves,
            concat_ws(':', f.from_account, f.from_owner) as gave, concat_ws(':', f.to_account, f.to_owner) as got
        from mixpay.facts as f
        where f.log = 'settlement' and f.from_state <> f.to_state
    ) as x
    group by x.merchant_id, x.number, x.currency
) as f on f.merchant_id = s.merchant_id and f.number = s.settlement_no and f.currency = s.currency
where
    (f.steps, f.paid_out, coalesce(f.came_back, 0)) is distinct from (
        '>settled' || repeat(' settled>reversed reversed>settled', ((f.changes - 1) / 2)::integer)
        || case s.state when 'reversed' then ' settled>reversed' else '' end,
        (s.amount * ((f.changes + 1) / 2))::numeric, (s.amount * (f.changes / 2))::numeric
    )
    or s.amount > 0 and f.accounts is distinct from concat_ws(
        ' ', s.account || ':' || s.owner, coalesce('bank:' || s.bank, 'outside')
    );
