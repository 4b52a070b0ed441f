-- A number that names something (an order, a payment, …). Columns only: as a parameter it would raise its raw 23514.
create domain mixpay.number as text collate "C"
constraint number_is_1_to_64_printable_ascii check (value ~ '^[!-~]{1,64}$');

comment on domain mixpay.number is
'A caller''s or our own number of something: 1 to 64 printable ASCII characters without spaces, compared byte by byte.';

-- What one payment bears of a refund.
create type mixpay.refund_share as (
    payment_no text,
    amount bigint,
    trade_no text,
    order_no text,
    channel text,
    paid_at timestamptz,
    held bigint
);

comment on type mixpay.refund_share is
'What one payment bears of a refund, in the smallest unit: amount, of the held that it could still bear before.';

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
