-- 80 of an order that was paid by three payments of 30.
\set i :i + 1
\set n :base + :client_id * :transactions + :i
select * from mixpay.refund_order('bench', 'C' || :n, 'F' || :n, 80);
