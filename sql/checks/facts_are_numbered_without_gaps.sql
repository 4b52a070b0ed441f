-- A trade's facts are numbered from 1 to its last_entry without a gap.
select t.merchant_id, t.trade_no, t.last_entry, count(f.entry) as facts, max(f.entry) as last_fact
from mixpay.trades as t
left join mixpay.facts as f on f.merchant_id = t.merchant_id and f.trade_no = t.trade_no
group by t.merchant_id, t.trade_no
having t.last_entry <> count(f.entry) or t.last_entry <> coalesce(max(f.entry), 0);
