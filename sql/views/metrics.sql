-- Figures are read from indexes of what is open; only anomalies, which are few, are read as a whole.
create view mixpay.metrics as
select m.metric, m.value
from (
    select
        (select max(h.transactions_since) from mixpay.horizon as h) as oldest_transaction_xids,
        (select extract(epoch from clock_timestamp() - min(h.began_at)) from mixpay.horizon as h)
            as oldest_transaction_seconds,
        (select count(*) from mixpay.channel_refunds as c where c.due_at <= now()) as channel_refunds_due,
        (
            select extract(epoch from now() - min(c.due_at)) from mixpay.channel_refunds as c where c.due_at <= now()
        ) as channel_refunds_due_seconds,
        (select count(*) from mixpay.channel_refunds as c where c.state = 'doubt') as channel_refunds_in_doubt,
        (select count(*) from mixpay.channel_refunds as c where c.state = 'bounced') as channel_refunds_bounced,
        (select count(*) from mixpay.channel_refunds as c where c.state = 'waiting') as channel_refunds_waiting,
        (select count(*) from mixpay.anomaly_list) as anomalies_open,
        (select count(*) from mixpay.trades as t where t.sweep_at <= now()) as trades_to_expire,
        (select count(*) from mixpay.trade_orders as l where l.release_at <= now()) as releases_due
) as f
cross join lateral (
    values
    ('oldest_transaction_xids', coalesce(f.oldest_transaction_xids, 0)),
    ('oldest_transaction_seconds', coalesce(f.oldest_transaction_seconds, 0)::bigint),
    ('channel_refunds_due', f.channel_refunds_due),
    ('channel_refunds_due_seconds', coalesce(f.channel_refunds_due_seconds, 0)::bigint),
    ('channel_refunds_in_doubt', f.channel_refunds_in_doubt),
    ('channel_refunds_bounced', f.channel_refunds_bounced),
    ('channel_refunds_waiting', f.channel_refunds_waiting),
    ('anomalies_open', f.anomalies_open),
    ('trades_to_expire', f.trades_to_expire),
    ('releases_due', f.releases_due)
) as m (metric, value);

comment on view mixpay.metrics is
'What to watch, over all merchants: a row for each figure, which is a count or an age in seconds. docs/monitoring.md '
'says what to do if one stays high.';
comment on column mixpay.metrics.metric is 'Its name; if it ends in _seconds, the value is an age.';
comment on column mixpay.metrics.value is
'Zero if all is well. Ages of transactions are zero if you may not see others'' sessions (pg_read_all_stats).';
