-- The first tables: sql/schema as it was when the core was done.
-- Who there is. Roles belong to the whole cluster, so another database may have made them already.
do $roles$
declare
    v_role text;
begin
    foreach v_role in array array['mixpay_owner', 'mixpay_writer', 'mixpay_reader'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
            execute format('create role %I nologin', v_role);
        end if;
    end loop;
    -- Whoever installs acts as the owner; a superuser may already, anyone else must be a member.
    -- Since PostgreSQL 16 the maker of a role is a member that may not act as it until it says so.
    begin
        set local role mixpay_owner;
    exception
        when insufficient_privilege then
            execute format('grant mixpay_owner to %I', current_user);
    end;
    reset role;
end;
$roles$;

create schema mixpay authorization mixpay_owner;

set role mixpay_owner;
comment on schema mixpay is 'Merged orders, mixed payments and first-in-first-out refunds.';
reset role;
set role mixpay_owner;
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
constraint account_is_known check (value in ('channel', 'order', 'surplus', 'refund', 'anomaly'));

comment on domain mixpay.entity is 'What a change of state is about.';
comment on domain mixpay.account is
'channel: clearing with a channel; order: what is paid of an order; surplus: of a payment; refund: on its way back; '
'anomaly: moved without a place in the books.';

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
-- Reference data: shared by all merchants.
-- The currencies of ISO 4217 (list one, as of 2026) that have a minor unit. Precious metals, bond units, test codes
-- and the like have none, so nothing can be priced in them.
create table mixpay.currencies (
    currency text collate "C" not null,
    exponent smallint not null,
    title text not null,
    primary key (currency),
    constraint currency_is_an_iso_4217_code check (currency ~ '^[A-Z]{3}$'),
    constraint exponent_is_0_to_4 check (exponent between 0 and 4)
);

comment on table mixpay.currencies is 'The currencies of ISO 4217 that have a minor unit.';
comment on column mixpay.currencies.exponent is
'How many decimals the smallest unit has: JPY 0, CNY 2, KWD 3. An amount of 12345 is 123.45 CNY and 12.345 KWD.';

insert into mixpay.currencies (currency, exponent, title) values
    ('AED', 2, 'UAE Dirham'),
    ('AFN', 2, 'Afghani'),
    ('ALL', 2, 'Lek'),
    ('AMD', 2, 'Armenian Dram'),
    ('AOA', 2, 'Kwanza'),
    ('ARS', 2, 'Argentine Peso'),
    ('AUD', 2, 'Australian Dollar'),
    ('AWG', 2, 'Aruban Florin'),
    ('AZN', 2, 'Azerbaijan Manat'),
    ('BAM', 2, 'Convertible Mark'),
    ('BBD', 2, 'Barbados Dollar'),
    ('BDT', 2, 'Taka'),
    ('BHD', 3, 'Bahraini Dinar'),
    ('BIF', 0, 'Burundi Franc'),
    ('BMD', 2, 'Bermudian Dollar'),
    ('BND', 2, 'Brunei Dollar'),
    ('BOB', 2, 'Boliviano'),
    ('BOV', 2, 'Mvdol'),
    ('BRL', 2, 'Brazilian Real'),
    ('BSD', 2, 'Bahamian Dollar'),
    ('BTN', 2, 'Ngultrum'),
    ('BWP', 2, 'Pula'),
    ('BYN', 2, 'Belarusian Ruble'),
    ('BZD', 2, 'Belize Dollar'),
    ('CAD', 2, 'Canadian Dollar'),
    ('CDF', 2, 'Congolese Franc'),
    ('CHE', 2, 'WIR Euro'),
    ('CHF', 2, 'Swiss Franc'),
    ('CHW', 2, 'WIR Franc'),
    ('CLF', 4, 'Unidad de Fomento'),
    ('CLP', 0, 'Chilean Peso'),
    ('CNY', 2, 'Yuan Renminbi'),
    ('COP', 2, 'Colombian Peso'),
    ('COU', 2, 'Unidad de Valor Real'),
    ('CRC', 2, 'Costa Rican Colon'),
    ('CUP', 2, 'Cuban Peso'),
    ('CVE', 2, 'Cabo Verde Escudo'),
    ('CZK', 2, 'Czech Koruna'),
    ('DJF', 0, 'Djibouti Franc'),
    ('DKK', 2, 'Danish Krone'),
    ('DOP', 2, 'Dominican Peso'),
    ('DZD', 2, 'Algerian Dinar'),
    ('EGP', 2, 'Egyptian Pound'),
    ('ERN', 2, 'Nakfa'),
    ('ETB', 2, 'Ethiopian Birr'),
    ('EUR', 2, 'Euro'),
    ('FJD', 2, 'Fiji Dollar'),
    ('FKP', 2, 'Falkland Islands Pound'),
    ('GBP', 2, 'Pound Sterling'),
    ('GEL', 2, 'Lari'),
    ('GHS', 2, 'Ghana Cedi'),
    ('GIP', 2, 'Gibraltar Pound'),
    ('GMD', 2, 'Dalasi'),
    ('GNF', 0, 'Guinean Franc'),
    ('GTQ', 2, 'Quetzal'),
    ('GYD', 2, 'Guyana Dollar'),
    ('HKD', 2, 'Hong Kong Dollar'),
    ('HNL', 2, 'Lempira'),
    ('HTG', 2, 'Gourde'),
    ('HUF', 2, 'Forint'),
    ('IDR', 2, 'Rupiah'),
    ('ILS', 2, 'New Israeli Sheqel'),
    ('INR', 2, 'Indian Rupee'),
    ('IQD', 3, 'Iraqi Dinar'),
    ('IRR', 2, 'Iranian Rial'),
    ('ISK', 0, 'Iceland Krona'),
    ('JMD', 2, 'Jamaican Dollar'),
    ('JOD', 3, 'Jordanian Dinar'),
    ('JPY', 0, 'Yen'),
    ('KES', 2, 'Kenyan Shilling'),
    ('KGS', 2, 'Som'),
    ('KHR', 2, 'Riel'),
    ('KMF', 0, 'Comorian Franc'),
    ('KPW', 2, 'North Korean Won'),
    ('KRW', 0, 'Won'),
    ('KWD', 3, 'Kuwaiti Dinar'),
    ('KYD', 2, 'Cayman Islands Dollar'),
    ('KZT', 2, 'Tenge'),
    ('LAK', 2, 'Lao Kip'),
    ('LBP', 2, 'Lebanese Pound'),
    ('LKR', 2, 'Sri Lanka Rupee'),
    ('LRD', 2, 'Liberian Dollar'),
    ('LSL', 2, 'Loti'),
    ('LYD', 3, 'Libyan Dinar'),
    ('MAD', 2, 'Moroccan Dirham'),
    ('MDL', 2, 'Moldovan Leu'),
    ('MGA', 2, 'Malagasy Ariary'),
    ('MKD', 2, 'Denar'),
    ('MMK', 2, 'Kyat'),
    ('MNT', 2, 'Tugrik'),
    ('MOP', 2, 'Pataca'),
    ('MRU', 2, 'Ouguiya'),
    ('MUR', 2, 'Mauritius Rupee'),
    ('MVR', 2, 'Rufiyaa'),
    ('MWK', 2, 'Malawi Kwacha'),
    ('MXN', 2, 'Mexican Peso'),
    ('MXV', 2, 'Mexican Unidad de Inversion (UDI)'),
    ('MYR', 2, 'Malaysian Ringgit'),
    ('MZN', 2, 'Mozambique Metical'),
    ('NAD', 2, 'Namibia Dollar'),
    ('NGN', 2, 'Naira'),
    ('NIO', 2, 'Cordoba Oro'),
    ('NOK', 2, 'Norwegian Krone'),
    ('NPR', 2, 'Nepalese Rupee'),
    ('NZD', 2, 'New Zealand Dollar'),
    ('OMR', 3, 'Rial Omani'),
    ('PAB', 2, 'Balboa'),
    ('PEN', 2, 'Sol'),
    ('PGK', 2, 'Kina'),
    ('PHP', 2, 'Philippine Peso'),
    ('PKR', 2, 'Pakistan Rupee'),
    ('PLN', 2, 'Zloty'),
    ('PYG', 0, 'Guarani'),
    ('QAR', 2, 'Qatari Rial'),
    ('RON', 2, 'Romanian Leu'),
    ('RSD', 2, 'Serbian Dinar'),
    ('RUB', 2, 'Russian Ruble'),
    ('RWF', 0, 'Rwanda Franc'),
    ('SAR', 2, 'Saudi Riyal'),
    ('SBD', 2, 'Solomon Islands Dollar'),
    ('SCR', 2, 'Seychelles Rupee'),
    ('SDG', 2, 'Sudanese Pound'),
    ('SEK', 2, 'Swedish Krona'),
    ('SGD', 2, 'Singapore Dollar'),
    ('SHP', 2, 'Saint Helena Pound'),
    ('SLE', 2, 'Leone'),
    ('SOS', 2, 'Somali Shilling'),
    ('SRD', 2, 'Surinam Dollar'),
    ('SSP', 2, 'South Sudanese Pound'),
    ('STN', 2, 'Dobra'),
    ('SVC', 2, 'El Salvador Colon'),
    ('SYP', 2, 'Syrian Pound'),
    ('SZL', 2, 'Lilangeni'),
    ('THB', 2, 'Baht'),
    ('TJS', 2, 'Somoni'),
    ('TMT', 2, 'Turkmenistan New Manat'),
    ('TND', 3, 'Tunisian Dinar'),
    ('TOP', 2, 'Pa''anga'),
    ('TRY', 2, 'Turkish Lira'),
    ('TTD', 2, 'Trinidad and Tobago Dollar'),
    ('TWD', 2, 'New Taiwan Dollar'),
    ('TZS', 2, 'Tanzanian Shilling'),
    ('UAH', 2, 'Hryvnia'),
    ('UGX', 0, 'Uganda Shilling'),
    ('USD', 2, 'US Dollar'),
    ('USN', 2, 'US Dollar (Next day)'),
    ('UYI', 0, 'Uruguay Peso en Unidades Indexadas (UI)'),
    ('UYU', 2, 'Peso Uruguayo'),
    ('UYW', 4, 'Unidad Previsional'),
    ('UZS', 2, 'Uzbekistan Sum'),
    ('VED', 2, 'Bolivar Soberano'),
    ('VES', 2, 'Bolivar Soberano'),
    ('VND', 0, 'Dong'),
    ('VUV', 0, 'Vatu'),
    ('WST', 2, 'Tala'),
    ('XAD', 2, 'Arab Accounting Dinar'),
    ('XAF', 0, 'CFA Franc BEAC'),
    ('XCD', 2, 'East Caribbean Dollar'),
    ('XCG', 2, 'Caribbean Guilder'),
    ('XOF', 0, 'CFA Franc BCEAO'),
    ('XPF', 0, 'CFP Franc'),
    ('YER', 2, 'Yemeni Rial'),
    ('ZAR', 2, 'Rand'),
    ('ZMW', 2, 'Zambian Kwacha'),
    ('ZWG', 2, 'Zimbabwe Gold');
-- Where money moves. A reference table: all merchants share it, and no tenant table has a foreign key to it.
create table mixpay.channels (
    channel text collate "C" not null,
    title text not null,
    kind text not null,
    primary key (channel),
    constraint channel_is_a_short_lower_case_name check (channel ~ '^[a-z][a-z0-9_.-]{0,63}$'),
    constraint title_is_not_empty check (title <> ''),
    constraint kind_is_known check (kind in ('online', 'wallet', 'voucher', 'offline'))
);

comment on table mixpay.channels is 'Where money moves: a channel takes payments and sends refunds back.';
comment on column mixpay.channels.kind is
'online and wallet: asked to send money back; voucher: gives back what it was; offline: a person hands the money over.';

insert into mixpay.channels (channel, title, kind) values
    ('wechat', 'WeChat Pay', 'online'),
    ('alipay', 'Alipay', 'online'),
    ('card', 'Bank card', 'online'),
    ('bank', 'Bank transfer through a gateway', 'online'),
    ('wallet', 'Balance, points', 'wallet'),
    ('voucher', 'Voucher', 'voucher'),
    ('cash', 'Cash', 'offline'),
    ('pos', 'Card terminal in the store', 'offline'),
    ('transfer', 'Bank transfer by hand', 'offline');
-- Which state may follow which. The tables refuse every other change (triggers/refuse_illegal_transitions.sql).
create table mixpay.state_transitions (
    entity text not null,
    from_state text not null,
    to_state text not null,
    cause text not null,
    primary key (entity, from_state, to_state),
    constraint entity_is_known check (entity in ('trade', 'payment', 'refund', 'channel_refund'))
);

comment on table mixpay.state_transitions is 'The legal changes of state, as data.';
comment on column mixpay.state_transitions.from_state is 'Empty where the thing comes into being.';
comment on column mixpay.state_transitions.cause is 'What makes this change, in a few words.';

insert into mixpay.state_transitions (entity, from_state, to_state, cause) values
    ('trade', '', 'open', 'orders are merged'),
    ('trade', 'open', 'paid', 'nothing is lacking any more'),
    ('trade', 'open', 'closed', 'it is abandoned'),
    ('payment', '', 'pending', 'an attempt is started'),
    ('payment', '', 'succeeded', 'money that is already there is recorded'),
    ('payment', 'pending', 'succeeded', 'the money arrived'),
    ('payment', 'pending', 'failed', 'the channel refused'),
    ('payment', 'pending', 'closed', 'its trade was closed'),
    ('payment', 'failed', 'succeeded', 'the money arrived after all'),
    ('payment', 'closed', 'succeeded', 'the money arrived after all'),
    ('refund', '', 'processing', 'money is to go back'),
    ('refund', 'processing', 'succeeded', 'every channel sent its part'),
    ('refund', 'processing', 'failed', 'no part is on its way and one did not get through'),
    ('refund', 'failed', 'succeeded', 'the part that did not get through was sent after all'),
    ('channel_refund', '', 'pending', 'a channel is to send money back'),
    ('channel_refund', '', 'waiting', 'a person is to hand the money back'),
    ('channel_refund', 'waiting', 'succeeded', 'the money was handed back'),
    ('channel_refund', 'waiting', 'failed', 'the money cannot be handed back'),
    ('channel_refund', 'pending', 'sent', 'a worker claimed it'),
    ('channel_refund', 'pending', 'doubt', 'sent without a claim, and nobody knows what came of it'),
    ('channel_refund', 'pending', 'succeeded', 'sent without a claim, and the channel confirmed'),
    ('channel_refund', 'pending', 'failed', 'sent without a claim, and the channel refused'),
    ('channel_refund', 'sent', 'sent', 'its lease ended and a worker claimed it again'),
    ('channel_refund', 'sent', 'doubt', 'nobody knows what came of it'),
    ('channel_refund', 'sent', 'succeeded', 'the channel confirmed'),
    ('channel_refund', 'sent', 'failed', 'the channel refused'),
    ('channel_refund', 'doubt', 'sent', 'a worker claimed it again'),
    ('channel_refund', 'doubt', 'succeeded', 'the channel confirmed'),
    ('channel_refund', 'doubt', 'failed', 'the channel refused'),
    ('channel_refund', 'failed', 'succeeded', 'the channel had sent it after all, and the amount was still free');
-- Whose money: merchants, their payees, what is to be paid.
-- A merchant is the tenant: every tenant table starts with merchant_id. Only orders, trades and payees refer to this
-- table, so that no other call touches a row that all trades of a merchant share.
create table mixpay.merchants (
    merchant_id mixpay.number not null,
    title text not null,
    allocation mixpay.allocation not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id),
    constraint title_is_not_empty check (title <> '')
);

comment on table mixpay.merchants is 'The tenants.';
comment on column mixpay.merchants.allocation is
'How a payment is divided among a trade''s orders: in their order (fifo) or by what each still lacks (pro_rata).';
-- A payee is a store or seller under a merchant; an order belongs to one.
create table mixpay.payees (
    merchant_id text collate "C" not null,
    payee_no mixpay.number not null,
    title text not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, payee_no),
    foreign key (merchant_id) references mixpay.merchants,
    constraint title_is_not_empty check (title <> '')
);

comment on table mixpay.payees is 'The stores or sellers under a merchant.';
-- An order is what is to be paid. It comes into being when it is first merged into a trade and never changes; what is
-- paid and refunded of it stands on its lines (trade_orders).
create table mixpay.orders (
    merchant_id text collate "C" not null,
    order_no mixpay.number not null,
    payee_no text collate "C",
    currency text collate "C" not null,
    amount mixpay.positive_amount not null,
    merge_count bigint not null default 1,
    created_at timestamptz not null default now(),
    primary key (merchant_id, order_no),
    foreign key (merchant_id) references mixpay.merchants,
    foreign key (merchant_id, payee_no) references mixpay.payees,
    constraint merge_count_is_positive check (merge_count > 0)
);

-- The foreign key to payees. Here and below, an index beside the key has merchant_id later: on a table without
-- statistics the planner may otherwise take it for a look-up by key, and read all rows of the merchant.
create index orders_by_payee on mixpay.orders (payee_no, merchant_id);

comment on table mixpay.orders is 'What is to be paid, named by the caller''s order number.';
comment on column mixpay.orders.amount is 'In the currency''s smallest unit.';
comment on column mixpay.orders.merge_count is
'How many trades it has been merged into. Only merge_orders raises it: that update is the lock that keeps two merges apart.';
-- Money in.
-- A trade is orders merged to be paid together. Whoever changes anything of a trade (its lines, payments, refunds,
-- channel refunds, facts) locks this row first and updates it.
create table mixpay.trades (
    merchant_id text collate "C" not null,
    trade_no mixpay.number not null,
    currency text collate "C" not null,
    amount mixpay.amount not null,
    paid mixpay.amount not null default 0,
    refunded mixpay.amount not null default 0,
    state mixpay.trade_state not null default 'open',
    allocation mixpay.allocation not null,
    expires_at timestamptz,
    last_seq bigint not null default 0,
    last_entry bigint not null default 0,
    fifo_paid_at timestamptz,
    fifo_seq bigint,
    created_at timestamptz not null default now(),
    primary key (merchant_id, trade_no),
    foreign key (merchant_id) references mixpay.merchants,
    constraint paid_is_never_above_amount check (paid <= amount),
    constraint refunded_is_never_above_paid check (refunded <= paid),
    constraint open_lacks_something_and_paid_nothing check (state = 'closed' or (state = 'paid') = (paid = amount))
) with (fillfactor = 85);

comment on table mixpay.trades is 'Orders merged to be paid together: one unique trade number.';
comment on column mixpay.trades.amount is 'The sum of its lines, in the currency''s smallest unit.';
comment on column mixpay.trades.paid is 'What its succeeded payments applied, which is what its lines are paid.';
comment on column mixpay.trades.refunded is 'The sum of its lines'' refunded.';
comment on column mixpay.trades.allocation is 'The merchant''s choice when the orders were merged.';
comment on column mixpay.trades.expires_at is 'No attempt to pay may start after it; money that arrives still counts.';
comment on column mixpay.trades.last_seq is 'The seq of the payment that succeeded last.';
comment on column mixpay.trades.last_entry is 'The entry of its last fact.';
comment on column mixpay.trades.fifo_paid_at is
'With fifo_seq, where order refunds start to look: every payment before (paid_at, seq) holds nothing any more; null: '
'at the first. A matter of speed: else each refund would step over the index entries of all that was just spent.';
-- One order's line in one trade: its share of what the trade is to pay.
create table mixpay.trade_orders (
    merchant_id text collate "C" not null,
    trade_no text collate "C" not null,
    order_no text collate "C" not null,
    position bigint not null,
    nth bigint not null,
    asked mixpay.positive_amount not null,
    amount mixpay.amount not null,
    paid mixpay.amount not null default 0,
    refunded mixpay.amount not null default 0,
    live boolean not null default true,
    held boolean not null default false,
    release_due_at timestamptz,
    primary key (merchant_id, trade_no, position),
    foreign key (merchant_id, trade_no) references mixpay.trades,
    foreign key (merchant_id, order_no) references mixpay.orders,
    constraint nth_is_the_orders_own_counter unique (merchant_id, order_no, nth),
    constraint amount_is_never_above_asked check (amount <= asked),
    constraint paid_is_never_above_amount check (paid <= amount),
    constraint refunded_is_never_above_paid check (refunded <= paid),
    constraint release_is_due_only_of_held_money check (held or release_due_at is null)
) with (fillfactor = 85);

create unique index an_order_has_one_live_line on mixpay.trade_orders (order_no, merchant_id) where live;

comment on table mixpay.trade_orders is 'One order''s line (its share) in one trade.';
comment on column mixpay.trade_orders.position is 'Its place in the trade, from 1: payments fill lines in this order.';
comment on column mixpay.trade_orders.nth is
'The how-manieth trade of the order this is, from 1: refunds take from the first trade first.';
comment on column mixpay.trade_orders.asked is 'The share as it was merged, in the currency''s smallest unit.';
comment on column mixpay.trade_orders.amount is 'The share as it is now.';
comment on column mixpay.trade_orders.live is 'Its trade is open and it may still be paid.';
comment on column mixpay.trade_orders.held is 'Merged with hold: its money is to sit in escrow until it is released.';
comment on column mixpay.trade_orders.release_due_at is 'When the hold ends by itself; null: by call only.';
-- A payment is one attempt to pay into a trade, and what came of it. Never deleted.
create table mixpay.payments (
    merchant_id text collate "C" not null,
    payment_no mixpay.number not null,
    trade_no text collate "C" not null,
    channel text collate "C" not null,
    method text,
    recorded boolean not null,
    asked mixpay.positive_amount not null,
    amount mixpay.amount not null default 0,
    applied mixpay.amount not null default 0,
    surplus mixpay.amount not null default 0,
    refunded mixpay.amount not null default 0,
    surplus_refunded mixpay.amount not null default 0,
    state mixpay.payment_state not null,
    channel_txn_no mixpay.number,
    paid_at timestamptz,
    seq bigint,
    created_at timestamptz not null default now(),
    spent boolean not null generated always as (applied = refunded - surplus_refunded) stored,
    primary key (merchant_id, payment_no),
    foreign key (merchant_id, trade_no) references mixpay.trades,
    constraint amount_is_applied_and_surplus check (amount = applied + surplus),
    constraint surplus_refunded_is_never_above_surplus check (surplus_refunded <= surplus),
    constraint refunded_includes_surplus_refunded check (surplus_refunded <= refunded),
    constraint order_refunds_are_never_above_applied check (refunded <= applied + surplus_refunded),
    constraint only_a_success_brings_money check ((state = 'succeeded') = (amount > 0)),
    constraint money_has_its_moment_and_place check (
        (paid_at is null) = (amount = 0) and (seq is null) = (paid_at is null)
    )
) with (fillfactor = 85);

-- The foreign key to trades; and refund_order: the trade's payments that still hold money, oldest first. spent is a
-- column of its own because a payment that is refunded in part then keeps its place in the index (a HOT update).
create index payments_by_trade on mixpay.payments (trade_no, merchant_id, spent, paid_at, seq);

create unique index a_channel_transaction_pays_once on mixpay.payments (merchant_id, channel, channel_txn_no)
where channel_txn_no is not null;

comment on table mixpay.payments is 'One attempt to pay into a trade, and what came of it.';
comment on column mixpay.payments.method is 'What the caller asked for when the channel was left to routing.';
comment on column mixpay.payments.recorded is 'Recorded in one call when the money was already there; else it was started.';
comment on column mixpay.payments.asked is 'What was started, in the currency''s smallest unit.';
comment on column mixpay.payments.amount is 'What arrived: 0 until it succeeds.';
comment on column mixpay.payments.applied is 'What the trade needed of it.';
comment on column mixpay.payments.surplus is 'What the trade did not need: it goes back to this payment.';
comment on column mixpay.payments.refunded is 'What is on its way back or has gone back of it, surplus included.';
comment on column mixpay.payments.surplus_refunded is 'The part of refunded that was surplus; the rest were order refunds.';
comment on column mixpay.payments.paid_at is 'When the money arrived: first in, first out goes by it.';
comment on column mixpay.payments.seq is 'Its place among the trade''s payments in the order in which we heard of the money.';
comment on column mixpay.payments.spent is 'It holds nothing any more that an order refund could take.';
-- Money back.
-- A refund is one request to give money back: this order, this amount; or a payment's surplus, or a reversal.
create table mixpay.refunds (
    merchant_id text collate "C" not null,
    refund_no mixpay.number not null,
    kind text not null,
    order_no text collate "C",
    amount mixpay.positive_amount not null,
    succeeded mixpay.amount not null default 0,
    freed mixpay.amount not null default 0,
    state text not null default 'processing',
    payment_nos text[],
    reason text,
    created_at timestamptz not null default now(),
    primary key (merchant_id, refund_no),
    foreign key (merchant_id, order_no) references mixpay.orders,
    constraint kind_is_known check (kind in ('order', 'offline', 'surplus', 'reversal')),
    constraint order_is_named_by_order_refunds check ((order_no is not null) = (kind in ('order', 'offline'))),
    constraint payment_nos_is_a_plain_list check (array_ndims(payment_nos) = 1),
    constraint parts_are_never_above_amount check (succeeded + freed <= amount),
    constraint state_follows_from_the_parts check (
        state = case when succeeded + freed < amount then 'processing' when freed > 0 then 'failed' else 'succeeded' end
    )
);

-- The foreign key to orders.
create index refunds_by_order on mixpay.refunds (order_no, merchant_id);

comment on table mixpay.refunds is 'One request to give money back.';
comment on column mixpay.refunds.kind is
'order: by first in, first out; offline: paid out by hand; surplus: what a trade did not need; reversal: un-applied.';
comment on column mixpay.refunds.amount is 'In the currency''s smallest unit: the sum of its details.';
comment on column mixpay.refunds.succeeded is 'What has gone back.';
comment on column mixpay.refunds.freed is 'What did not get through and may be refunded again.';
comment on column mixpay.refunds.payment_nos is 'The payments an operator named, in this order, instead of first in, first out.';
-- How much of a refund one payment bears. A fact: only freed may change.
create table mixpay.refund_details (
    merchant_id text collate "C" not null,
    refund_no text collate "C" not null,
    payment_no text collate "C" not null,
    amount mixpay.positive_amount not null,
    freed boolean not null default false,
    primary key (merchant_id, refund_no, payment_no),
    foreign key (merchant_id, refund_no) references mixpay.refunds,
    foreign key (merchant_id, payment_no) references mixpay.payments
);

-- The foreign key to payments.
create index refund_details_by_payment on mixpay.refund_details (payment_no, merchant_id);

comment on table mixpay.refund_details is 'How much of a refund one payment bears: the result of first in, first out.';
comment on column mixpay.refund_details.amount is 'In the currency''s smallest unit.';
comment on column mixpay.refund_details.freed is 'It did not get through: the amount counts no longer as refunded.';
-- One request to one channel to send money back. Its number is what the channel knows it by, however often it is sent.
create table mixpay.channel_refunds (
    merchant_id text collate "C" not null,
    channel_refund_no mixpay.number not null,
    refund_no text collate "C" not null,
    payment_no text collate "C" not null,
    channel text collate "C" not null,
    amount mixpay.positive_amount not null,
    state mixpay.channel_refund_state not null,
    reason text,
    due_at timestamptz,
    worker text,
    attempts bigint not null default 0,
    channel_txn_no mixpay.number,
    refunded_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (merchant_id, channel_refund_no),
    foreign key (merchant_id, refund_no, payment_no) references mixpay.refund_details,
    constraint work_is_due_some_time check ((state in ('pending', 'sent', 'doubt')) = (due_at is not null)),
    constraint money_that_went_back_has_its_moment check (
        (state in ('succeeded', 'bounced')) = (refunded_at is not null)
    )
);

-- The foreign key to refund_details.
create index channel_refunds_by_detail on mixpay.channel_refunds (refund_no, payment_no, merchant_id);

create unique index a_detail_has_one_standing_channel_refund
on mixpay.channel_refunds (refund_no, payment_no, merchant_id) where state not in ('failed', 'bounced');

-- claim_channel_refunds: what is due.
create index channel_refunds_by_due_at on mixpay.channel_refunds (merchant_id, due_at)
where state in ('pending', 'sent', 'doubt');

comment on table mixpay.channel_refunds is 'One request to one channel to send money back.';
comment on column mixpay.channel_refunds.channel_refund_no is 'The idempotency key towards the channel.';
comment on column mixpay.channel_refunds.amount is 'In the currency''s smallest unit.';
comment on column mixpay.channel_refunds.reason is 'Why it waits, is in doubt or failed; waiting for a person: manual.';
comment on column mixpay.channel_refunds.due_at is
'When a worker may claim it: pending, at once; sent, when the lease ends; doubt, after the back-off.';
comment on column mixpay.channel_refunds.worker is 'Who claimed it last.';
comment on column mixpay.channel_refunds.attempts is 'How many times it was claimed.';
comment on column mixpay.channel_refunds.channel_txn_no is 'The channel''s own number of the transfer.';
comment on column mixpay.channel_refunds.refunded_at is 'When the channel sent the money.';
-- Money that moved and has no place in the books: a channel refund that succeeded after its amount had been freed and
-- given to another refund. Somebody has to settle it with the buyer or the channel.
create table mixpay.anomalies (
    merchant_id text collate "C" not null,
    channel_refund_no text collate "C" not null,
    amount mixpay.positive_amount not null,
    channel_txn_no mixpay.number,
    happened_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, channel_refund_no),
    foreign key (merchant_id, channel_refund_no) references mixpay.channel_refunds
);

comment on table mixpay.anomalies is 'Money that a channel sent although its amount was no longer free.';
comment on column mixpay.anomalies.amount is 'In the currency''s smallest unit.';
comment on column mixpay.anomalies.happened_at is 'When the channel sent it.';
-- What happened.
-- The log. A fact is a change of state, a movement of money from one account to another, or both at once; it is
-- written once, under the lock of its trade, and stays. History, allocations and the flow of money are views of it.
create table mixpay.facts (
    merchant_id text collate "C" not null,
    trade_no text collate "C" not null,
    entry bigint not null,
    xid xid8 not null default pg_current_xact_id(),
    entity mixpay.entity not null,
    payment_no text collate "C",
    order_no text collate "C",
    refund_no text collate "C",
    channel_refund_no text collate "C",
    from_state text,
    to_state text,
    from_account mixpay.account,
    to_account mixpay.account,
    amount mixpay.positive_amount,
    reason text,
    happened_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, trade_no, entry),
    foreign key (merchant_id, trade_no) references mixpay.trades,
    constraint a_change_has_two_states check ((from_state is null) = (to_state is null)),
    constraint a_movement_has_two_accounts check (
        (from_account is null) = (amount is null) and (to_account is null) = (amount is null)
    ),
    constraint says_something check (to_state is not null or amount is not null)
);

comment on table mixpay.facts is
'What happened, once and for all: changes of state and movements of money, in order within their trade.';
comment on column mixpay.facts.entry is 'Its place among the trade''s facts, from 1; grows under the trade''s lock.';
comment on column mixpay.facts.xid is 'The transaction that wrote it.';
comment on column mixpay.facts.entity is 'What the change of state is about: trade, payment, refund or channel_refund.';
comment on column mixpay.facts.from_state is 'Empty where the thing comes into being.';
comment on column mixpay.facts.from_account is 'Where the money was; with the numbers of the row, whose.';
comment on column mixpay.facts.amount is 'What moved, in the currency''s smallest unit.';
comment on column mixpay.facts.happened_at is 'When it happened; created_at is when we wrote it.';
reset role;
