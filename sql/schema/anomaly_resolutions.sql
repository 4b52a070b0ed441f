-- What became of an anomaly. A fact: an anomaly without one is open.
create table mixpay.anomaly_resolutions (
    merchant_id text collate "C" not null,
    channel_refund_no text collate "C" not null,
    resolution text not null,
    reason text,
    created_at timestamptz not null default now(),
    nth bigint not null default 1,
    recovered_at timestamptz,
    primary key (merchant_id, channel_refund_no, nth),
    foreign key (merchant_id, channel_refund_no, nth) references mixpay.anomalies,
    constraint resolution_is_known check (resolution in ('booked', 'recovered', 'written_off')),
    constraint recovered_has_its_moment check ((resolution = 'recovered') = (recovered_at is not null)),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.anomaly_resolutions alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.anomaly_resolutions is 'What became of an anomaly; one that is not here is open.';
comment on column mixpay.anomaly_resolutions.resolution is
'booked: its amount was free again, and counts as refunded; recovered: the money came back; written_off: the merchant '
'bears it.';
comment on column mixpay.anomaly_resolutions.nth is 'Which of the channel refund''s transfers the anomaly is.';
comment on column mixpay.anomaly_resolutions.recovered_at is 'When the money came back, if it did.';
