create view mixpay.settlement_lines as
select
    s.merchant_id,
    s.settlement_no::text as settlement_no,
    l.kind,
    l.order_no,
    s.currency,
    l.came_in,
    l.went_out,
    l.amount
from mixpay.settlements as s
cross join lateral (
    select
        'carried_in' as kind, null as order_no, null::bigint as came_in, null::bigint as went_out,
        s.carried_in as amount
    where s.carried_in <> 0
    union all
    select
        'order', p.order_no, sum(p.came_in)::bigint, sum(p.went_out)::bigint, sum(p.came_in - p.went_out)::bigint
    from mixpay.postings as p
    where
        p.merchant_id = s.merchant_id and p.owner = s.owner and p.account = s.account
        and p.account in ('payee', 'receiver', 'fee') and p.source = 'trade' and p.currency = s.currency
        and (p.epoch, p.xid) >= (s.from_epoch, s.from_xid) and (p.epoch, p.xid) < (s.until_epoch, s.until_xid)
    group by p.order_no
    union all
    select 'carried_out', null, null, null, -s.carried_out
    where s.carried_out <> 0
) as l;

comment on view mixpay.settlement_lines is
'What each settlement is made of, order by order; its lines sum to what was paid out, in the currency''s smallest unit.';
comment on column mixpay.settlement_lines.kind is
'order; carried_in: what stood before (a debt, or a payout that failed); carried_out: the debt left for the next one.';
comment on column mixpay.settlement_lines.went_out is 'What refunds and splits took back of the order.';
