-- Figures are read from indexes of what is open; only anomalies, which are few, are read as a whole.
create view mixpay.metrics as
select m.metric, m.value
from (
    values
    ('oldest_transaction_xids', (select coalesce(max(h.transactions_since), 0) from mixpay.horizon as h)),
    (
        'oldest_transaction_seconds',
        (select coalesce(extract(epoch from clock_timestamp() - min(h.began_at)), 0)::bigint from mixpay.horizon as h)
    ),
    ('channel_refunds_due', (select count(*) from mixpay.channel_refunds as c where c.due_at <= now())),
    (
        'channel_refunds_due_seconds', (
            select coalesce(extract(epoch from now() - min(c.due_at)), 0)::bigint from mixpay.channel_refunds as c
            where c.due_at <= now()
        )
    ),
    ('channel_refunds_in_doubt', (select count(*) from mixpay.channel_refunds as c where c.state = 'doubt')),
    ('channel_refunds_bounced', (select count(*) from mixpay.channel_refunds as c where c.state = 'bounced')),
    ('channel_refunds_waiting', (select count(*) from mixpay.channel_refunds as c where c.state = 'waiting')),
    ('anomalies_open', (select count(*) from mixpay.anomaly_list)),
    ('trades_to_expire', (select count(*) from mixpay.trades as t where t.sweep_at <= now())),
    ('releases_due', (select count(*) from mixpay.trade_orders as l where l.release_at <= now()))
) as m (metric, value);

comment on view mixpay.metrics is
'What to watch, over all merchants: a row for each figure, which is a count or an age in seconds. docs/monitoring.md '
'says what to do if one stays high.';
comment on column mixpay.metrics.metric is 'Its name; if it ends in _seconds, the value is an age.';
comment on column mixpay.metrics.value is
'Zero if all is well. Ages of transactions are zero if you may not see others'' sessions (pg_read_all_stats).';
