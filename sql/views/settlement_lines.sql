create view mixpay.settlement_lines as
select
    s.merchant_id,
    s.settlement_no,
    'carried_in' as kind,
    null as order_no,
    s.currency,
    null::bigint as came_in,
    null::bigint as went_out,
    s.carried_in as amount
from mixpay.settlements as s
where s.carried_in <> 0
union all
select
    s.merchant_id,
    s.settlement_no,
    'order',
    m.order_no,
    s.currency,
    m.came_in,
    m.went_out,
    m.came_in - m.went_out
from mixpay.settlements as s
cross join lateral (
    select f.order_no, sum(f.came_in)::bigint as came_in, sum(f.went_out)::bigint as went_out
    from (
        select x.trade_no, x.order_no, x.amount as came_in, 0 as went_out
        from mixpay.facts as x
        where
            x.merchant_id = s.merchant_id and x.to_owner = coalesce(s.payee_no, s.receiver)
            and x.to_account = case when s.receiver is null then 'payee' else 'receiver' end
            and (x.epoch, x.xid) >= (s.from_epoch, s.from_xid) and (x.epoch, x.xid) < (s.until_epoch, s.until_xid)
        union all
        select x.trade_no, x.order_no, 0, x.amount
        from mixpay.facts as x
        where
            x.merchant_id = s.merchant_id and x.from_owner = coalesce(s.payee_no, s.receiver)
            and x.from_account = case when s.receiver is null then 'payee' else 'receiver' end
            and (x.epoch, x.xid) >= (s.from_epoch, s.from_xid) and (x.epoch, x.xid) < (s.until_epoch, s.until_xid)
    ) as f
    inner join mixpay.trades as t on t.merchant_id = s.merchant_id and t.trade_no = f.trade_no
    where t.currency = s.currency
    group by f.order_no
) as m
union all
select
    s.merchant_id,
    s.settlement_no,
    'carried_out',
    null,
    s.currency,
    null,
    null,
    -s.carried_out
from mixpay.settlements as s
where s.carried_out <> 0;

comment on view mixpay.settlement_lines is
'What each settlement is made of, order by order; its lines sum to what was paid out, in the currency''s smallest unit.';
comment on column mixpay.settlement_lines.kind is
'order; carried_in: what stood before (a debt, or a payout that failed); carried_out: the debt left for the next one.';
comment on column mixpay.settlement_lines.went_out is 'What refunds and splits took back of the order.';
