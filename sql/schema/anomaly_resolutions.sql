-- What became of an anomaly. A fact: an anomaly without one is open.
create table mixpay.anomaly_resolutions (
    merchant_id text collate "C" not null,
    channel_refund_no text collate "C" not null,
    resolution text not null,
    reason text,
    created_at timestamptz not null default now(),
    primary key (merchant_id, channel_refund_no),
    foreign key (merchant_id, channel_refund_no) references mixpay.anomalies,
    constraint resolution_is_known check (resolution in ('booked', 'recovered', 'written_off')),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.anomaly_resolutions alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.anomaly_resolutions is 'What became of an anomaly; one that is not here is open.';
comment on column mixpay.anomaly_resolutions.resolution is
'booked: its amount was free again, and counts as refunded; recovered: the money came back; written_off: the merchant '
'bears it.';
