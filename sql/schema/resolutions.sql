-- What a person did about a difference. Written once; a further row takes one back.
create table mixpay.resolutions (
    merchant_id text collate "C" not null,
    resolution_no mixpay.number not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    statement_no text collate "C",
    line_no bigint,
    part text collate "C",
    kind mixpay.own_kind,
    number text collate "C",
    action text not null,
    amount bigint not null default 0,
    takes_back text collate "C",
    resolved_by text not null,
    session text not null default session_user,
    reason text,
    created_at timestamptz not null default now(),
    primary key (merchant_id, resolution_no),
    foreign key (merchant_id, takes_back) references mixpay.resolutions,
    constraint action_is_known check (
        action in ('booked', 'received', 'written_off', 'ignored', 'taken_back', 'withdrawn')
    ),
    constraint a_statement_is_withdrawn_whole check (
        action <> 'withdrawn' or (statement_no is not null and num_nonnulls(line_no, part, kind, number) = 0)
    ),
    constraint only_taking_back_names_another check ((takes_back is not null) = (action = 'taken_back')),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.resolutions alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to what it takes back: once.
create unique index a_resolution_is_taken_back_once on mixpay.resolutions (takes_back, merchant_id)
where takes_back is not null;

comment on table mixpay.resolutions is 'What people did about differences.';
comment on column mixpay.resolutions.statement_no is
'The statement of the line that it is about, with line_no and part; or the statement that was withdrawn. Empty: it is '
'about something of ours without a line.';
comment on column mixpay.resolutions.kind is
'What of ours it is about, or what was booked from the line; number says which. Empty: it is about a line alone, or a '
'whole statement.';
comment on column mixpay.resolutions.action is
'booked: what was missing, from the line; received: somebody has seen the money; written_off: the difference is borne; '
'ignored; taken_back: an earlier one no longer stands; withdrawn: the statement was loaded wrongly.';
comment on column mixpay.resolutions.amount is 'What was booked or written off, in the smallest unit.';
comment on column mixpay.resolutions.takes_back is 'The resolution that no longer stands.';
comment on column mixpay.resolutions.resolved_by is 'Who did it, by the caller''s word.';
comment on column mixpay.resolutions.session is 'The login that called.';
