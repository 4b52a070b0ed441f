-- Of a line that is split, what is divided and not taken back is what is cleared; at payment, all that is there.
create view mixpay._cleared_of_a_split_line_is_its_shares with (security_barrier) as
select
    l.merchant_id, l.trade_no, l.order_no, l.paid, l.refunded, l.cleared,
    coalesce(sum(s.amount - s.taken_back), 0) as shares
from mixpay.trade_orders as l
inner join mixpay.splits as x on x.merchant_id = l.merchant_id and x.split_no = l.split_no
left join mixpay.split_shares as s
    on s.merchant_id = l.merchant_id and s.split_no = l.split_no and s.trade_no = l.trade_no
group by l.merchant_id, l.trade_no, l.position, x.merchant_id, x.split_no
having
    coalesce(sum(s.amount - s.taken_back), 0)
    <> case x.takes_place when 'release' then l.cleared else l.paid - l.refunded end;
