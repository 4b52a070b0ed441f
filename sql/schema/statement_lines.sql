-- A line of a statement, as it was loaded. Written once.
create table mixpay.statement_lines (
    merchant_id text collate "C" not null,
    statement_no text collate "C" not null,
    line_no bigint not null,
    part text collate "C" not null default '',
    kind mixpay.line_kind not null,
    type text,
    amount bigint not null,
    currency text collate "C" not null,
    fee bigint,
    happened_at timestamptz not null,
    channel_txn_no mixpay.channel_number,
    our_no mixpay.channel_number,
    of_channel_txn_no mixpay.channel_number,
    of_our_no mixpay.channel_number,
    batch_no mixpay.channel_number,
    state mixpay.line_state not null default 'succeeded',
    description text,
    primary key (merchant_id, statement_no, line_no, part),
    foreign key (merchant_id, statement_no) references mixpay.statements
);

alter table mixpay.statement_lines alter column merchant_id set (n_distinct = -0.01);

-- reconcile: whether another line says the same.
create index statement_lines_by_channel_txn_no on mixpay.statement_lines (channel_txn_no, merchant_id)
where channel_txn_no is not null;

-- reconcile: the lines of a batch, whatever statements they are in.
create index statement_lines_by_batch on mixpay.statement_lines (batch_no, merchant_id) where batch_no is not null;

comment on table mixpay.statement_lines is 'What statements say, line by line.';
comment on column mixpay.statement_lines.line_no is 'Its line in the file.';
comment on column mixpay.statement_lines.part is
'If a line of the file says several things: which of them this is, such as fee; else empty.';
comment on column mixpay.statement_lines.type is 'What it is in the channel''s own word.';
comment on column mixpay.statement_lines.amount is
'In the currency''s smallest unit, as seen by us: above zero, our account there got it.';
comment on column mixpay.statement_lines.fee is
'What the channel took for it, in the smallest unit; amount is what moved before that was taken off. Empty: the line '
'names no fee.';
comment on column mixpay.statement_lines.channel_txn_no is 'The channel''s own number of it.';
comment on column mixpay.statement_lines.our_no is 'Our number of it, as the channel repeats it.';
comment on column mixpay.statement_lines.of_channel_txn_no is 'The channel''s number of the payment that it is about.';
comment on column mixpay.statement_lines.of_our_no is 'Our number of the payment that it is about.';
comment on column mixpay.statement_lines.batch_no is 'The payout in which it is paid to us.';
