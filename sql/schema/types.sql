-- A number that names something (an order, a payment, ...). Columns only: as a parameter it would raise its raw 23514.
create domain mixpay.number as text collate "C"
constraint number_is_1_to_64_printable_ascii check (length(value) between 1 and 64 and value !~ '[^!-~]');

comment on domain mixpay.number is
'A caller''s or our own number of something: 1 to 64 printable ASCII characters without spaces, compared byte by byte.';

-- Money, moved or held. Domains, here and below, because PostgreSQL reads the checks of a domain once in a session and
-- those of a table with every statement: on the tables that every payment writes, that is a third of what it costs.
create domain mixpay.amount as bigint
constraint amount_is_0_to_1e15 check (value between 0 and 1000000000000000);

create domain mixpay.positive_amount as bigint
constraint amount_is_1_to_1e15 check (value between 1 and 1000000000000000);

comment on domain mixpay.amount is
'An amount in the smallest unit of the currency that the row or its trade names: 0 to 10^15.';
comment on domain mixpay.positive_amount is
'An amount in the smallest unit of the currency that the row or its trade names: 1 to 10^15.';

create domain mixpay.allocation as text collate "C"
constraint allocation_is_known check (value in ('fifo', 'pro_rata'));

comment on domain mixpay.allocation is
'How a payment is divided among a trade''s orders: in their order (fifo) or by what each still lacks (pro_rata).';

create domain mixpay.trade_state as text collate "C"
constraint trade_state_is_known check (value in ('open', 'paid', 'closed'));

create domain mixpay.payment_state as text collate "C"
constraint payment_state_is_known check (value in ('pending', 'succeeded', 'failed', 'closed'));

create domain mixpay.channel_refund_state as text collate "C"
constraint channel_refund_state_is_known check (
    value in ('waiting', 'pending', 'sent', 'doubt', 'succeeded', 'failed', 'bounced')
);

comment on domain mixpay.trade_state is 'open: may be paid; paid: lacks nothing; closed: abandoned.';
comment on domain mixpay.payment_state is
'pending: started; succeeded: the money arrived; failed: it did not; closed: its trade was closed.';
comment on domain mixpay.channel_refund_state is
'waiting: for a person or a moment; pending: to be sent; sent: by a worker; doubt: nobody knows; bounced: came back.';

-- What a fact is about, and where money is.
create domain mixpay.entity as text collate "C"
constraint entity_is_known check (value in ('trade', 'payment', 'refund', 'channel_refund'));

create domain mixpay.account as text collate "C"
constraint account_is_known check (value in ('channel', 'order', 'surplus', 'refund', 'anomaly', 'outside'));

comment on domain mixpay.entity is 'What a change of state is about.';
comment on domain mixpay.account is
'channel: clearing with a channel; order: what is paid of an order; surplus: of a payment; refund: on its way back; '
'anomaly: moved without a place in the books; outside: the merchant''s own pocket.';

-- What one payment bears of a refund.
create type mixpay.refund_share as (
    payment_no text,
    amount bigint,
    trade_no text,
    order_no text,
    channel text,
    paid_at timestamptz,
    seq bigint,
    held bigint
);

comment on type mixpay.refund_share is
'What one payment bears of a refund, in the smallest unit: amount, of the held that it could still bear before.';

-- Where a part of a refund goes, by the rules of the channels.
create type mixpay.refund_destination as (
    channel text,
    state text,
    reason text,
    not_before timestamptz
);

comment on type mixpay.refund_destination is
'Where a part of a refund goes by the rules of the channels, in which state it begins, and why.';

-- A route as it is judged for one attempt to pay.
create type mixpay.route_choice as (
    channel text,
    priority bigint,
    weight bigint,
    currency text,
    min_amount bigint,
    max_amount bigint,
    problem text,
    stands_from bigint,
    stands_to bigint,
    point bigint,
    chosen boolean
);

comment on type mixpay.route_choice is
'A route as it is judged for one attempt to pay: why it cannot be taken, or the points for which it would be.';

-- A merchant whose channel refunds are due.
create type mixpay.due_merchant as (
    merchant_id text,
    due_at timestamptz
);

comment on type mixpay.due_merchant is 'A merchant with channel refunds that a worker may claim, and since when.';

-- One order of a merge, as merge_orders and merge_many understood it.
create type mixpay.merge_line as (
    trade bigint,
    trade_no text,
    expires_at timestamptz,
    position bigint,
    order_no text,
    amount bigint,
    currency text,
    payee_no text,
    pay bigint,
    held boolean,
    release_due_at timestamptz
);

comment on type mixpay.merge_line is
'One order of a merge: of the call''s how-manieth trade, at which position; null is what the caller left out.';

-- What one line of a trade gets of a payment.
create type mixpay.line_share as (
    position bigint,
    order_no text,
    share bigint
);

comment on type mixpay.line_share is 'What one line of a trade gets of a payment, in the smallest unit.';
