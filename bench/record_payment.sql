-- Each trade of two orders, 60 and 40, is paid by two payments of 50.
\set i :i + 1
\set n :base + :client_id * :transactions + :i
\set trade :n / 2
select * from mixpay.record_payment('bench', 'T' || :trade, 'P' || :n, 'card', 50, null, 'X' || :n);
