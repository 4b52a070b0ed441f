-- Live lines belong to open trades, and an open trade has a live line.
create view mixpay._live_lines_belong_to_open_trades with (security_barrier) as
select t.merchant_id, t.trade_no, t.state, count(*) filter (where l.live) as live_lines
from mixpay.trades as t
left join mixpay.trade_orders as l on l.merchant_id = t.merchant_id and l.trade_no = t.trade_no
group by t.merchant_id, t.trade_no
having (t.state = 'open') <> (count(*) filter (where l.live) > 0);
