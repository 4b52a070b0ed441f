-- A settlement takes what was written to its account between two transactions: so each movement of a trade finds the
-- settlement that took it by its place in the log.
create view mixpay.trade_settlements as
select
    x.merchant_id,
    x.trade_no,
    x.order_no,
    x.account,
    x.owner,
    s.settlement_no::text as settlement_no,
    s.state,
    x.currency,
    sum(x.came_in)::bigint as came_in,
    sum(x.went_out)::bigint as went_out,
    sum(x.came_in - x.went_out)::bigint as amount
from (
    select
        p.merchant_id, p.number as trade_no, p.order_no, p.account, p.owner, p.currency, p.came_in, p.went_out, p.epoch,
        p.xid
    from mixpay.postings as p
    where p.source = 'trade' and p.account in ('payee', 'receiver')
) as x
cross join lateral (
    select y.settlement_no, y.state
    from mixpay.settlements as y
    where
        y.owner = x.owner and y.merchant_id = x.merchant_id and y.account = x.account and y.currency = x.currency
        and (y.from_epoch, y.from_xid) <= (x.epoch, x.xid) and (y.until_epoch, y.until_xid) > (x.epoch, x.xid)
    order by y.nth
    limit 1
) as s
group by x.merchant_id, x.trade_no, x.order_no, x.account, x.owner, s.settlement_no, s.state, x.currency;

comment on view mixpay.trade_settlements is
'What each settlement took of a trade''s money, by order and account, in the currency''s smallest unit.';
comment on column mixpay.trade_settlements.account is 'payee or receiver; owner says whose.';
comment on column mixpay.trade_settlements.state is
'The settlement''s: settled or reversed. What a reversed one took is in its account again, and a later settlement '
'pays it out.';
comment on column mixpay.trade_settlements.went_out is 'What refunds and splits took back meanwhile.';
