-- What is on record of a settlement is its row: settled once, then reversed and settled again in turn; its amount left
-- its owner's account for its bank (before there were banks, for outside) each time that it was settled, and came back
-- from there each time that it was reversed.
create view mixpay._settlement_is_in_the_facts_once with (security_barrier) as
select
    coalesce(f.merchant_id, s.merchant_id) as merchant_id,
    coalesce(s.settlement_no, f.number) as settlement_no,
    s.state, s.amount, s.bank, f.steps, f.paid_out, f.came_back, f.place, f.place_owner
from mixpay.settlements as s
full join (
    select
        x.merchant_id, x.number, x.currency,
        string_agg(x.from_state || '>' || x.to_state, ' ' order by x.entry) as steps,
        sum(case when x.leaves then x.amount else 0 end) as paid_out,
        sum(case when x.leaves then 0 else x.amount end) as came_back,
        min(x.account) as account, max(x.account) as last_account, min(x.owner) as owner, max(x.owner) as last_owner,
        min(x.place) as place, max(x.place) as last_place, min(x.place_owner) as place_owner,
        max(x.place_owner) as last_place_owner, count(x.place_owner) as places_with_owner, count(x.amount) as moves
    from (
        select
            y.*,
            case when y.leaves then y.from_account else y.to_account end as account,
            case when y.leaves then y.from_owner else y.to_owner end as owner,
            case when y.leaves then y.to_account else y.from_account end as place,
            case when y.leaves then y.to_owner else y.from_owner end as place_owner
        from (
            select f.*, coalesce(f.to_account in ('outside', 'bank'), false) as leaves
            from mixpay.facts as f
            where f.log = 'settlement'
        ) as y
    ) as x
    group by x.merchant_id, x.number, x.currency
) as f on f.merchant_id = s.merchant_id and f.number = s.settlement_no and f.currency = s.currency
where
    (f.steps, coalesce(f.paid_out, 0), coalesce(f.came_back, 0)) is distinct from (
        '>settled' || repeat(' settled>reversed reversed>settled', ((s.last_entry - 1) / 2)::integer)
        || case s.state when 'reversed' then ' settled>reversed' else '' end,
        (s.amount * ((s.last_entry + 1) / 2))::numeric, (s.amount * (s.last_entry / 2))::numeric
    )
    or s.amount > 0 and (f.account, f.last_account, f.owner, f.last_owner) is distinct from (
        s.account, s.account, s.owner, s.owner
    )
    or s.amount > 0 and (
        f.place, f.last_place, f.place_owner, f.last_place_owner, f.places_with_owner
    ) is distinct from (
        case when s.bank is null then 'outside' else 'bank' end,
        case when s.bank is null then 'outside' else 'bank' end,
        s.bank::text, s.bank::text, case when s.bank is null then 0 else f.moves end
    );
