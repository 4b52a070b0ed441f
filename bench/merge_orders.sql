-- Two new orders.
\set i :i + 1
\set n :base + :client_id * :transactions + :i
select * from mixpay.merge_orders('bench', format('[{"order_no": "M%s", "amount": 60, "currency": "CNY"}, {"order_no": "N%s", "amount": 40, "currency": "CNY"}]', (:n)::text, (:n)::text)::jsonb, 'M' || :n);
