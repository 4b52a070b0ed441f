-- What the journal leaves on an order's account is what is paid of its lines, not refunded and not cleared.
create view mixpay._order_account_holds_what_its_lines_hold with (security_barrier) as
with booked as (
    select merchant_id, owner, sum(came_in - went_out) as balance
    from mixpay.postings
    where account = 'order'
    group by merchant_id, owner
), lines as (
    select merchant_id, order_no, sum(paid - refunded - cleared) as in_escrow
    from mixpay.trade_orders
    group by merchant_id, order_no
)
select
    coalesce(b.merchant_id, l.merchant_id) as merchant_id,
    coalesce(l.order_no, b.owner) as order_no,
    b.balance as in_journal,
    l.in_escrow as in_lines
from lines as l
full join booked as b on b.merchant_id = l.merchant_id and b.owner = l.order_no
where coalesce(b.balance, 0) <> coalesce(l.in_escrow, 0);
