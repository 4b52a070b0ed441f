-- A number that names something (an order, a payment, ...). Columns only: as a parameter it would raise its raw 23514.
create domain mixpay.number as text collate "C"
constraint number_is_1_to_64_printable_ascii check (length(value) between 1 and 64 and value !~ '[^!-~]');

comment on domain mixpay.number is
'A caller''s or our own number of something: 1 to 64 printable ASCII characters without spaces, compared byte by byte.';

-- A channel's own number of a transaction.
create domain mixpay.channel_number as text collate "C"
constraint channel_number_is_1_to_255_characters check (
    length(value) between 1 and 255 and value !~ E'[\\u0001-\\u001f\\u007f-\\u009f]'
);

comment on domain mixpay.channel_number is
'A channel''s own number of a transaction: 1 to 255 characters of any alphabet, without control characters.';

-- Money. Domains, here and below, because PostgreSQL reads the checks of a domain once in a session and
-- those of a table with every statement: on the tables that every payment writes, that is a third of what it costs.
create domain mixpay.amount as bigint
constraint amount_is_0_to_1e15 check (value between 0 and 1000000000000000);

create domain mixpay.positive_amount as bigint
constraint amount_is_1_to_1e15 check (value between 1 and 1000000000000000);

-- What somebody says of money that went the one way or the other.
create domain mixpay.signed_amount as bigint
constraint amount_is_1_to_1e15_either_way check (
    value <> 0 and value between -1000000000000000 and 1000000000000000
);

comment on domain mixpay.amount is
'An amount in the smallest unit of the currency that the row or its trade names: 0 to 10^15.';
comment on domain mixpay.positive_amount is
'An amount in the smallest unit of the currency that the row or its trade names: 1 to 10^15.';

comment on domain mixpay.signed_amount is
'An amount in the smallest unit of the currency that the row names, to 10^15; its sign says which way it went.';

create domain mixpay.allocation as text collate "C"
constraint allocation_is_known check (value in ('fifo', 'pro_rata'));

comment on domain mixpay.allocation is
'How a payment is divided among a trade''s orders: in their order (fifo) or by what each still lacks (pro_rata).';

create domain mixpay.trade_state as text collate "C"
constraint trade_state_is_known check (value in ('open', 'paid', 'closed'));

create domain mixpay.payment_state as text collate "C"
constraint payment_state_is_known check (value in ('pending', 'authorized', 'succeeded', 'failed', 'closed'));

create domain mixpay.channel_refund_state as text collate "C"
constraint channel_refund_state_is_known check (
    value in ('waiting', 'pending', 'sent', 'doubt', 'succeeded', 'failed', 'bounced', 'written_off')
);

create domain mixpay.order_state as text collate "C"
constraint order_state_is_known check (value in ('payable', 'paid', 'partly_refunded', 'refunded'));

comment on domain mixpay.trade_state is 'open: may be paid; paid: lacks nothing; closed: abandoned.';
comment on domain mixpay.payment_state is
'pending: started; authorized: the channel has reserved the money, which is not ours yet; succeeded: the money '
'arrived; failed: it did not arrive, because it was refused, voided or expired; closed: its trade was closed before it '
'arrived.';
comment on domain mixpay.order_state is
'Of an order over all its trades. payable: less is paid of it than it costs; paid: all of it is paid; partly_refunded: '
'all of it is paid, and some has gone back; refunded: all that was paid of it has gone back.';
comment on domain mixpay.channel_refund_state is
'waiting: for a person or a moment; pending: to be sent; sent: a worker has claimed it; doubt: nobody knows whether '
'the channel sent the money; succeeded: the money went back; failed: it did not; bounced: it went, and came back; '
'written_off: nobody will hand it over.';

-- What has a log of its own, what a fact is about, and where money is.
create domain mixpay.log as text collate "C"
constraint log_is_known check (
    value in ('trade', 'settlement', 'repayment', 'adjustment', 'channel_fee', 'channel_payout')
);

create domain mixpay.entity as text collate "C"
constraint entity_is_known check (
    value in (
        'trade', 'payment', 'refund', 'channel_refund', 'release', 'dispute', 'split', 'settlement', 'repayment',
        'return', 'chargeback', 'order', 'repricing', 'adjustment', 'channel_fee', 'channel_payout'
    )
);

create domain mixpay.account as text collate "C"
constraint account_is_known check (
    value in (
        'channel', 'order', 'surplus', 'refund', 'anomaly', 'outside', 'payee', 'receiver', 'fee', 'channel_fee',
        'bank', 'loss', 'rounding'
    )
);

comment on domain mixpay.log is
'What a log of facts is of: each trade, settlement, repayment, adjustment, channel fee and channel payout has one.';
comment on domain mixpay.entity is 'What a change of state is about.';
comment on domain mixpay.account is
'channel: what a channel has of ours, below zero; order: money of an order in escrow; surplus: what a trade did not '
'need of a payment; refund: on its way back; anomaly: moved without a place in the books; outside: anomalies that were '
'written off, and payouts before 0.5.0; payee, receiver, fee: whose the money is; channel_fee: set aside for what '
'channels take; bank: what a bank has of ours, below zero; loss: what a channel took back and nobody owes us; '
'rounding: what a till never handed over.';

-- What a share of a split is for, and so in which account it stands.
create domain mixpay.share_kind as text collate "C"
constraint share_kind_is_known check (value in ('payee', 'receiver', 'platform_fee', 'channel_fee'));

comment on domain mixpay.share_kind is
'payee: a registered payee''s; receiver: somebody else''s; platform_fee, channel_fee: what the platform or a channel '
'takes.';

-- Reconciliation: what a line of a statement says, what of ours it may be about, and what comparing them says.
create domain mixpay.line_kind as text collate "C"
constraint line_kind_is_known check (
    value in (
        'payment', 'refund', 'refund_reversal', 'chargeback', 'chargeback_reversal', 'return', 'fee', 'payout',
        'payout_reversal', 'adjustment', 'transfer', 'other', 'unknown'
    )
);

create domain mixpay.line_state as text collate "C"
constraint line_state_is_known check (value in ('succeeded', 'processing', 'failed'));

create domain mixpay.own_kind as text collate "C"
constraint own_kind_is_known check (
    value in (
        'payment', 'refund', 'refund_reversal', 'chargeback', 'chargeback_reversal', 'chargeback_fee', 'return', 'fee',
        'payout', 'payout_reversal', 'settlement', 'settlement_reversal', 'repayment', 'adjustment'
    )
);

create domain mixpay.match_rule as text collate "C"
constraint match_rule_is_known check (
    value in ('channel_txn_no', 'our_no', 'payment', 'amount', 'batch', 'booked')
);

create domain mixpay.reconciliation_result as text collate "C"
constraint reconciliation_result_is_known check (
    value in (
        'matched', 'expected', 'missing_there', 'missing_here', 'amount', 'currency', 'state', 'fee', 'duplicate',
        'unknown'
    )
);

comment on domain mixpay.line_kind is 'What a line of a statement is about, whatever word its channel has for it.';
comment on domain mixpay.line_state is
'succeeded: money moved; processing: the channel is at it; failed: no money moved.';
comment on domain mixpay.own_kind is 'What of ours a line of a statement may be about.';
comment on domain mixpay.match_rule is
'By what a line and something of ours were matched. channel_txn_no, our_no: by that number; payment: of one payment, '
'with the same amount; amount: the same amount and nearly the same moment; batch: the sum of several; booked: somebody '
'booked it from the line.';
comment on domain mixpay.reconciliation_result is
'matched; expected: one side is there, and the other may still come; missing_there, missing_here: the other did not '
'come; amount, currency, state, fee: the sides differ; duplicate: another line says the same; unknown: nothing that we '
'know of.';

-- What one payment bears of a refund.
create type mixpay.refund_share as (
    payment_no text,
    amount bigint,
    trade_no text,
    order_no text,
    channel text,
    paid_at timestamptz,
    seq bigint,
    refundable bigint
);

comment on type mixpay.refund_share is
'What one payment bears of a refund: refundable is what it could bear, amount is what it bears, in the smallest unit.';

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
'A route as it is judged for one attempt to pay: the problem for which it cannot be taken, or else the points for '
'which it is chosen, from stands_from up to, but not including, stands_to.';

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
    hold boolean,
    release_due_at timestamptz,
    nth bigint,
    taken bigint,
    split_no text
);

comment on type mixpay.merge_line is
'One order of a merge: of which trade of the call, at which position; null is what the caller left out. Of an order '
'that is known: its nth merge, what its other trades have taken of it, and its split.';

-- An account by its name, as account_balance and account_statement understood it.
create type mixpay.account_name as (
    account text,
    owner text
);

comment on type mixpay.account_name is 'An account: what it is, and whose; without an owner, all of its kind.';

-- What an account holds in one currency.
create type mixpay.account_total as (
    account text,
    owner text,
    currency text,
    came_in bigint,
    went_out bigint,
    balance bigint
);

comment on type mixpay.account_total is
'What moved into an account, out of it, and the difference, in the smallest unit; below zero for where money comes '
'from.';

-- What settle_all did with an account.
create type mixpay.settlement_attempt as (
    account text,
    owner text,
    currency text,
    settlement_no text,
    amount bigint,
    until_at timestamptz,
    left_out bigint,
    waits_for text
);

comment on type mixpay.settlement_attempt is
'What settle_all did with one account in one currency: what it paid out and left out, in the smallest unit.';

-- A movement as one of its accounts sees it.
create type mixpay.statement_line as (
    account text,
    owner text,
    currency text,
    created_at timestamptz,
    happened_at timestamptz,
    source text,
    number text,
    entry bigint,
    cause text,
    cause_no text,
    other_account text,
    other_owner text,
    amount bigint,
    balance bigint
);

comment on type mixpay.statement_line is
'A movement as one of its accounts sees it: what came (above zero) or went, and its balance after it.';

-- Where in the log movements of a time may stand.
create type mixpay.journal_range as (
    from_epoch bigint,
    from_xid xid8,
    until_epoch bigint,
    until_xid xid8
);

comment on type mixpay.journal_range is
'A stretch of the log: from one epoch and transaction up to, not with, another.';

-- A fact that is still to be written, in plain types: to assign to a domain costs more than a plain assignment.
create type mixpay.fact as (
    merchant_id text collate "C",
    log text collate "C",
    log_no text collate "C",
    entry bigint,
    entity text collate "C",
    number text collate "C",
    from_state text,
    to_state text,
    from_account text collate "C",
    from_owner text collate "C",
    to_account text collate "C",
    to_owner text collate "C",
    amount bigint,
    currency text collate "C",
    payment_no text collate "C",
    order_no text collate "C",
    refund_no text collate "C",
    channel_refund_no text collate "C",
    reason text,
    happened_at timestamptz,
    order_from_state text collate "C",
    order_to_state text collate "C"
);

comment on type mixpay.fact is 'A fact that is still to be written: a row of facts, but for what _write_facts adds.';

-- What one of many payments gives to one of many lines.
create type mixpay.allotment as (
    payment bigint,
    line bigint,
    share bigint
);

comment on type mixpay.allotment is
'What one of many payments gives to one of many lines, both by their places in a list, in the smallest unit.';

-- The receivers of a split, as they stand in one line of its order.
create type mixpay.split_standing as (
    accounts text[], -- noqa: LT01
    owners text[], -- noqa: LT01
    fixed bigint[], -- noqa: LT01
    rates bigint[], -- noqa: LT01
    kept_on_refund boolean[], -- noqa: LT01
    amounts bigint[], -- noqa: LT01
    taken_back bigint[], -- noqa: LT01
    elsewhere bigint[], -- noqa: LT01
    rest bigint,
    home bigint,
    divided bigint,
    at_payment boolean
);

comment on type mixpay.split_standing is
'The receivers of a split by position: as agreed, what each got of one line and gave back, and what of the order''s '
'other lines; rest is who takes the remainder, home the order''s payee; divided is what was divided of the order, over '
'all its lines, and at_payment whether money is divided as it arrives.';

-- What a change of a line moves between what is in escrow of it and those whose money it is.
create type mixpay.clearing as (
    accounts text[], -- noqa: LT01
    owners text[], -- noqa: LT01
    moves bigint[], -- noqa: LT01
    cleared bigint,
    split_no text,
    order_from_state text,
    order_to_state text
);

comment on type mixpay.clearing is
'What accounts get out of escrow, or give back (below zero), and what that is together; split_no, if a split says who '
'gets it; and the state of the order before and after, if the change of the line changes it.';

-- Something of ours as a statement should show it.
create type mixpay.own_item as (
    kind text,
    number text,
    side text,
    amount bigint,
    currency text,
    happened_at timestamptz,
    channel_key text,
    payment_no text,
    payment_txn_no text,
    state text
);

comment on type mixpay.own_item is
'Something of ours as a statement should show it: the amount with the sign of a line, and what it is found by.';

-- What was found of a line, or of something of ours without one.
create type mixpay.found_difference as (
    account text,
    owner text,
    statement_no text,
    line_no bigint,
    part text,
    kind text,
    number text,
    rule text,
    result text,
    currency text,
    theirs bigint,
    ours bigint,
    fee_theirs bigint,
    fee_ours bigint,
    happened_at timestamptz,
    resolution_no text
);

comment on type mixpay.found_difference is
'What was found of a line, or of something of ours without one, and how it was resolved.';

-- What calls return: the rows of tables, in types that every tool knows.
create type mixpay.merchant as (
    merchant_id text,
    title text,
    allocation text,
    created_at timestamptz
);

comment on type mixpay.merchant is 'A row of merchants, as calls return it: in plain types.';

create type mixpay.payee as (
    merchant_id text,
    payee_no text,
    title text,
    created_at timestamptz
);

comment on type mixpay.payee is 'A row of payees, as calls return it: in plain types.';

create type mixpay."order" as (
    merchant_id text,
    order_no text,
    payee_no text,
    currency text,
    amount bigint,
    merge_count bigint,
    created_at timestamptz,
    changes_on_record boolean
);

comment on type mixpay."order" is 'A row of orders, as calls return it: in plain types.';

create type mixpay.route as (
    merchant_id text,
    method text,
    channel text,
    currency text,
    priority bigint,
    weight bigint,
    min_amount bigint,
    max_amount bigint,
    created_at timestamptz
);

comment on type mixpay.route is 'A row of routes, as calls return it: in plain types.';

create type mixpay.trade as (
    merchant_id text,
    trade_no text,
    currency text,
    amount bigint,
    paid bigint,
    refunded bigint,
    state text,
    allocation text,
    expires_at timestamptz,
    last_seq bigint,
    last_entry bigint,
    fifo_paid_at timestamptz,
    fifo_seq bigint,
    created_at timestamptz,
    keeps_paid boolean,
    sweep_at timestamptz
);

comment on type mixpay.trade is 'A row of trades, as calls return it: in plain types.';

create type mixpay.payment as (
    merchant_id text,
    payment_no text,
    trade_no text,
    channel text,
    method text,
    recorded boolean,
    asked bigint,
    amount bigint,
    applied bigint,
    surplus bigint,
    refunded bigint,
    surplus_refunded bigint,
    state text,
    channel_txn_no text,
    paid_at timestamptz,
    seq bigint,
    created_at timestamptz,
    spent boolean,
    authorized bigint,
    authorization_no text,
    authorization_expires_at timestamptz,
    voided_at timestamptz,
    captures text,
    txn_day date
);

comment on type mixpay.payment is 'A row of payments, as calls return it: in plain types.';

create type mixpay.return as (
    merchant_id text,
    return_no text,
    payment_no text,
    amount bigint,
    unapplied bigint,
    lost bigint,
    reason text,
    returned_at timestamptz,
    created_at timestamptz
);

comment on type mixpay.return is 'A row of returns, as calls return it: in plain types.';

create type mixpay.chargeback as (
    merchant_id text,
    chargeback_no text,
    payment_no text,
    order_no text,
    amount bigint,
    fee bigint,
    lost bigint,
    reversed bigint,
    state text,
    reason text,
    reversal_reason text,
    charged_at timestamptz,
    reversed_at timestamptz,
    created_at timestamptz
);

comment on type mixpay.chargeback is 'A row of chargebacks, as calls return it: in plain types.';

create type mixpay.refund as (
    merchant_id text,
    refund_no text,
    kind text,
    order_no text,
    amount bigint,
    succeeded bigint,
    freed bigint,
    state text,
    payment_nos text[], -- noqa: LT01
    reason text,
    created_at timestamptz,
    return_no text,
    chargeback_no text
);

comment on type mixpay.refund is 'A row of refunds, as calls return it: in plain types.';

create type mixpay.channel_refund as (
    merchant_id text,
    channel_refund_no text,
    refund_no text,
    payment_no text,
    channel text,
    amount bigint,
    state text,
    reason text,
    due_at timestamptz,
    worker text,
    attempts bigint,
    channel_txn_no text,
    refunded_at timestamptz,
    created_at timestamptz,
    not_before timestamptz,
    sent_at timestamptz,
    redirected_from text,
    cleared bigint,
    nth bigint,
    bounced_at timestamptz
);

comment on type mixpay.channel_refund is 'A row of channel_refunds, as calls return it: in plain types.';

create type mixpay.release as (
    merchant_id text,
    release_no text,
    order_no text,
    amount bigint,
    was_due boolean,
    created_at timestamptz
);

comment on type mixpay.release is 'A row of releases, as calls return it: in plain types.';

create type mixpay.dispute as (
    merchant_id text,
    dispute_no text,
    order_no text,
    state text,
    outcome text,
    reason text,
    closing_reason text,
    refund_no text,
    created_at timestamptz,
    closed_at timestamptz
);

comment on type mixpay.dispute is 'A row of disputes, as calls return it: in plain types.';

create type mixpay.settlement as (
    merchant_id text,
    settlement_no text,
    account text,
    owner text,
    currency text,
    nth bigint,
    until_at timestamptz,
    from_epoch bigint,
    from_xid xid8,
    until_epoch bigint,
    until_xid xid8,
    carried_in bigint,
    earned bigint,
    amount bigint,
    carried_out bigint,
    state text,
    reason text,
    created_at timestamptz,
    reversed_at timestamptz,
    last_entry bigint,
    payee_no text,
    bank text,
    left_out bigint,
    waits_for text
);

comment on type mixpay.settlement is 'A row of settlements, as calls return it: in plain types.';

create type mixpay.repayment as (
    merchant_id text,
    repayment_no text,
    account text,
    owner text,
    amount bigint,
    currency text,
    reason text,
    repaid_at timestamptz,
    created_at timestamptz,
    bank text
);

comment on type mixpay.repayment is 'A row of repayments, as calls return it: in plain types.';

create type mixpay.adjustment as (
    merchant_id text,
    adjustment_no text,
    account text,
    owner text,
    against_account text,
    against_owner text,
    amount bigint,
    currency text,
    reason text,
    created_at timestamptz
);

comment on type mixpay.adjustment is 'A row of adjustments, as calls return it: in plain types.';

create type mixpay.channel_fee as (
    merchant_id text,
    fee_no text,
    channel text,
    amount bigint,
    currency text,
    payment_no text,
    reason text,
    charged_at timestamptz,
    created_at timestamptz
);

comment on type mixpay.channel_fee is 'A row of channel_fees, as calls return it: in plain types.';

create type mixpay.channel_payout as (
    merchant_id text,
    payout_no text,
    channel text,
    amount bigint,
    currency text,
    bank text,
    paid_at timestamptz,
    created_at timestamptz
);

comment on type mixpay.channel_payout is 'A row of channel_payouts, as calls return it: in plain types.';

create type mixpay.reconciled_account as (
    merchant_id text,
    account text,
    owner text,
    zone text,
    tolerance bigint,
    lag interval,
    fee_rate bigint,
    fee_fixed bigint,
    write_off_limit bigint,
    last_run bigint,
    created_at timestamptz
);

comment on type mixpay.reconciled_account is 'A row of reconciled_accounts, as calls return it: in plain types.';

create type mixpay.statement as (
    merchant_id text,
    statement_no text,
    account text,
    owner text,
    format text,
    from_at timestamptz,
    until_at timestamptz,
    line_count bigint,
    sealed_at timestamptz,
    reconciled_at timestamptz,
    created_at timestamptz,
    resolution_no text
);

comment on type mixpay.statement is 'A row of statements, as calls return it: in plain types.';

create type mixpay.resolution as (
    merchant_id text,
    resolution_no text,
    account text,
    owner text,
    statement_no text,
    line_no bigint,
    part text,
    kind text,
    number text,
    action text,
    amount bigint,
    takes_back text,
    resolved_by text,
    session text,
    reason text,
    created_at timestamptz
);

comment on type mixpay.resolution is 'A row of resolutions, as calls return it: in plain types.';

-- What reconcile found, summed up.
create type mixpay.reconciliation as (
    side text,
    result text,
    was text,
    kind text,
    currency text,
    count bigint,
    theirs bigint,
    ours bigint
);

comment on type mixpay.reconciliation is
'How many lines of a statement, or of what is ours, have a result, and what they sum to in the smallest unit; was: '
'what an earlier run had said of them.';
