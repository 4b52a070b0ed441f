-- An open trade lacks something, and a paid one nothing.
select merchant_id, trade_no, state, amount, paid
from mixpay.trades
where case state when 'open' then paid >= amount when 'paid' then paid <> amount else state <> 'closed' end;
