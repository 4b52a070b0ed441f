create view mixpay.settlement_lines as
select
    s.merchant_id,
    s.settlement_no::text as settlement_no,
    l.kind,
    l.order_no,
    s.currency,
    l.came_in,
    l.went_out,
    l.amount,
    l.adjustment_no,
    (
        select a.reason from mixpay.adjustments as a
        where a.merchant_id = s.merchant_id and a.adjustment_no = l.adjustment_no
    ) as reason
from mixpay.settlements as s
cross join lateral (
    select
        'carried_in' as kind, null as order_no, null::bigint as came_in, null::bigint as went_out,
        s.carried_in as amount, null as adjustment_no
    where s.carried_in <> 0
    union all
    select
        case p.source when 'adjustment' then 'adjustment' else 'order' end, p.order_no, sum(p.came_in)::bigint,
        sum(p.went_out)::bigint, sum(p.came_in - p.went_out)::bigint,
        case p.source when 'adjustment' then p.number end
    from mixpay.postings as p
    where
        p.merchant_id = s.merchant_id and p.owner = s.owner and p.account = s.account
        and p.account in ('payee', 'receiver', 'fee') and p.source in ('trade', 'adjustment')
        and p.currency = s.currency
        and (p.epoch, p.xid) >= (s.from_epoch, s.from_xid) and (p.epoch, p.xid) < (s.until_epoch, s.until_xid)
    group by p.source, p.order_no, case p.source when 'adjustment' then p.number end
    union all
    select 'carried_out', null, null, null, -s.carried_out, null
    where s.carried_out <> 0
) as l;

comment on view mixpay.settlement_lines is
'What each settlement is made of, by order and adjustment; its lines sum to what was paid out, in the smallest unit.';
comment on column mixpay.settlement_lines.kind is
'order; adjustment; carried_in: what the account had before (below zero: a debt; above: such as a failed payout); '
'carried_out: what is left for the next settlement.';
comment on column mixpay.settlement_lines.went_out is 'What refunds and splits took back of the order.';
comment on column mixpay.settlement_lines.reason is 'The reason of an adjustment.';
