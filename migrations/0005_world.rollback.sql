-- Takes back 0005, as long as the tables of 0004 can say all that happened.
set role mixpay_owner;

do $refuse$
begin
    if exists (
        select from mixpay.facts
        where
            log in ('adjustment', 'channel_fee', 'channel_payout')
            or entity in ('return', 'chargeback', 'order', 'repricing')
            or to_state in ('authorized', 'written_off')
            or (entity = 'payment' and from_state = to_state)
            or (entity = 'trade' and from_state = 'paid' and to_state = 'paid')
            or to_state = 'partly_failed'
            or (entity = 'channel_refund' and from_state = to_state and to_state in ('succeeded', 'bounced', 'failed'))
            or (log = 'settlement' and from_state = 'reversed')
            or from_account in ('channel_fee', 'loss', 'rounding')
            or to_account in ('channel_fee', 'loss', 'rounding')
            -- One bank is the outside; of several, the tables of before could not say which.
            or (from_account = 'bank' and from_owner <> 'main')
            or (to_account = 'bank' and to_owner <> 'main')
    ) or exists (
        select from (
            select channel_txn_no from mixpay.payments
            union all
            select channel_txn_no from mixpay.channel_refunds
            union all
            select channel_txn_no from mixpay.anomalies
        ) as n
        where length(n.channel_txn_no) > 64 or n.channel_txn_no ~ '[^!-~]'
    ) or exists (
        select from mixpay.payments
        where channel_txn_no is not null
        group by merchant_id, channel, channel_txn_no
        having count(*) > 1
    ) or exists (select from mixpay.payments where captures is not null)
    or exists (select from mixpay.notes) then
        raise exception '0005 cannot be taken back any more' using
            errcode = 'object_not_in_prerequisite_state',
            detail = 'Something is on record that the tables of before have no word for.',
            hint = 'Restore a backup from before, or stay with this version.';
    end if;
end;
$refuse$;

-- Orders.
delete from mixpay.state_transitions
where entity = 'order' and to_state in ('payable', 'paid', 'partly_refunded', 'refunded');
drop table mixpay.order_totals;
alter table mixpay.trade_orders drop column alone;
alter table mixpay.orders drop column changes_on_record;
alter table mixpay.facts
drop constraint a_change_has_two_states,
drop column order_from_state,
drop column order_to_state,
add constraint a_change_has_two_states check ((from_state is null) = (to_state is null));
alter type mixpay.clearing drop attribute order_from_state;
alter type mixpay.clearing drop attribute order_to_state;
comment on type mixpay.clearing is
'What accounts get out of escrow, or give back (below zero), and what that is together; split_no if the split makes it.';
drop type mixpay.allotment;
alter type mixpay.split_standing drop attribute divided;
alter type mixpay.split_standing drop attribute at_payment;
comment on type mixpay.split_standing is
'The receivers of a split by position: as agreed, what each got of one line and gave back, and what of the order''s other '
'lines; rest is who takes the remainder, home the order''s payee.';
drop domain mixpay.order_state;

-- Titles and reasons.
alter table mixpay.channels
drop constraint title_is_not_blank, add constraint title_is_not_empty check (title <> '');
alter table mixpay.merchants
drop constraint title_is_not_blank, add constraint title_is_not_empty check (title <> '');
alter table mixpay.payees
drop constraint title_is_not_blank, add constraint title_is_not_empty check (title <> '');
alter table mixpay.channels drop constraint title_has_no_control_characters;
alter table mixpay.merchants drop constraint title_has_no_control_characters;
alter table mixpay.payees drop constraint title_has_no_control_characters;
alter table mixpay.refunds drop constraint reason_has_no_control_characters;
alter table mixpay.channel_refunds drop constraint reason_has_no_control_characters;
alter table mixpay.disputes
drop constraint reason_has_no_control_characters,
drop constraint closing_reason_has_no_control_characters;
alter table mixpay.settlements drop constraint reason_has_no_control_characters;
alter table mixpay.repayments drop constraint reason_has_no_control_characters;
alter table mixpay.anomaly_resolutions drop constraint reason_has_no_control_characters;

-- The channels' own numbers; refunds that went in part.
comment on column mixpay.refunds.state is null;
alter table mixpay.refunds
drop constraint state_follows_from_the_parts,
add constraint state_follows_from_the_parts check (
    state = case when succeeded + freed < amount then 'processing' when freed > 0 then 'failed' else 'succeeded' end
);
delete from mixpay.state_transitions where entity = 'refund' and 'partly_failed' in (from_state, to_state);
alter table mixpay.anomalies alter column channel_txn_no type mixpay.number;
alter table mixpay.channel_refunds alter column channel_txn_no type mixpay.number;
comment on column mixpay.payments.channel_txn_no is null;
drop index mixpay.a_channel_transaction_pays_once;
alter table mixpay.payments drop column txn_day, alter column channel_txn_no type mixpay.number;
create unique index a_channel_transaction_pays_once on mixpay.payments (merchant_id, channel, channel_txn_no)
where channel_txn_no is not null;
alter table mixpay.channels drop column txn_numbers, drop column day_zone, drop column refund_to_money;
delete from mixpay.state_transitions
where from_state = to_state and entity in ('payment', 'channel_refund') and cause = 'the channel''s number came later';

-- Repricing, writing off, notes.
delete from mixpay.state_transitions where 'written_off' in (from_state, to_state);
comment on column mixpay.refunds.succeeded is 'What has gone back.';

drop table mixpay.notes;
drop table mixpay.repricings;
delete from mixpay.state_transitions where entity = 'repricing';

alter table mixpay.trade_orders
drop constraint amount_is_never_above_asked,
drop column raised,
add constraint amount_is_never_above_asked check (amount <= asked);

comment on column mixpay.orders.amount is 'In the currency''s smallest unit.';

-- Adjustments, channel fees and payouts, the bank.
drop table mixpay.channel_payouts;
drop table mixpay.channel_fees;
drop table mixpay.adjustments;
comment on column mixpay.facts.log is 'What the log is of: a trade, a settlement or a repayment; log_no says which.';
comment on column mixpay.facts.from_owner is
'Whose account: a channel, an order, a payment (surplus), a refund, a channel refund (anomaly), a payee, receiver or fee; '
'the outside has no name.';

drop index mixpay.split_receivers_by_receiver;
alter table mixpay.split_receivers drop column account;
create index split_receivers_by_receiver on mixpay.split_receivers (receiver, merchant_id, kind)
where receiver is not null;

-- What the one bank paid out and got is outside again, also where it was summed up: what was folded is folded anew.
delete from mixpay.folded_balances
where merchant_id in (
    select merchant_id from mixpay.settlements where bank is not null
    union all
    select merchant_id from mixpay.repayments where bank is not null
);
delete from mixpay.balance_folds
where merchant_id in (
    select merchant_id from mixpay.settlements where bank is not null
    union all
    select merchant_id from mixpay.repayments where bank is not null
);
insert into mixpay.closed_balances (merchant_id, until_at, account, owner, currency, came_in, went_out)
select merchant_id, until_at, 'outside', '', currency, came_in, went_out
from mixpay.closed_balances
where account = 'bank' and owner = ''
on conflict (merchant_id, until_at, account, owner, currency) do update
set came_in = closed_balances.came_in + excluded.came_in, went_out = closed_balances.went_out + excluded.went_out;
delete from mixpay.closed_balances where account = 'bank';
update mixpay.facts
set
    from_account = case when from_account = 'bank' then 'outside' else from_account end,
    from_owner = case when from_account <> 'bank' then from_owner end,
    to_account = case when to_account = 'bank' then 'outside' else to_account end,
    to_owner = case when to_account <> 'bank' then to_owner end
where log in ('settlement', 'repayment') and (from_account = 'bank' or to_account = 'bank');
alter table mixpay.repayments
drop column bank,
drop constraint somebody_owes_it,
add constraint somebody_owes_it check (account in ('payee', 'receiver', 'fee'));
comment on column mixpay.repayments.account is 'What it was brought in for: payee, receiver or fee; owner says whose.';

alter table mixpay.settlements
drop column left_out,
drop column bank,
drop constraint what_can_be_paid_is_paid,
add constraint only_debts_are_carried check (carried_out <= 0 and (amount = 0 or carried_out = 0));
comment on column mixpay.settlements.carried_out is 'The debt that is left for the next one: zero or below.';
delete from mixpay.state_transitions
where
    entity in ('adjustment', 'channel_fee', 'channel_payout')
    or (entity = 'settlement' and from_state = 'reversed' and to_state = 'settled');
drop type mixpay.channel_payout;
drop type mixpay.channel_fee;
drop type mixpay.adjustment;
drop type mixpay.repayment;
drop type mixpay.settlement;
drop type mixpay.dispute;
drop type mixpay.release;
drop type mixpay.channel_refund;
drop type mixpay.refund;
drop type mixpay.chargeback;
drop type mixpay.return;
drop type mixpay.payment;
drop type mixpay.trade;
drop type mixpay.route;
drop type mixpay."order";
drop type mixpay.payee;
drop type mixpay.merchant;
drop type mixpay.settlement_attempt;
drop domain mixpay.signed_amount;

-- Returns and chargebacks.
delete from mixpay.state_transitions
where
    entity in ('return', 'chargeback') or (entity, from_state, to_state) in (
        ('trade', 'paid', 'paid'), ('trade', 'paid', 'open'), ('trade', 'paid', 'closed'),
        ('channel_refund', 'waiting', 'pending')
    );
update mixpay.state_transitions set cause = replace(cause, ', or the reason came later', '')
where entity = 'trade' and from_state = to_state;
update mixpay.state_transitions set cause = 'its channel still cannot send it'
where (entity, from_state, to_state) = ('channel_refund', 'waiting', 'waiting');
update mixpay.state_transitions set cause = 'its channel cannot send it now, or a person is to send it'
where (entity, from_state, to_state) = ('channel_refund', 'pending', 'waiting');
alter table mixpay.refunds
drop constraint kind_is_known,
drop constraint order_is_named_by_order_refunds,
drop column return_no,
drop column chargeback_no,
add constraint kind_is_known check (kind in ('order', 'offline', 'surplus', 'reversal')),
add constraint order_is_named_by_order_refunds check ((order_no is not null) = (kind in ('order', 'offline')));
comment on column mixpay.refunds.kind is
'order: by first in, first out; offline: paid out by hand; surplus: what a trade did not need; reversal: un-applied.';
drop table mixpay.chargebacks;
drop table mixpay.returns;

-- Authorized payments.
delete from mixpay.state_transitions as s
using (values
    ('pending', 'authorized'), ('authorized', 'succeeded'), ('authorized', 'failed'), ('authorized', 'closed'),
    ('failed', 'failed'), ('closed', 'closed')
) as n (from_state, to_state)
where s.entity = 'payment' and s.from_state = n.from_state and s.to_state = n.to_state;

alter table mixpay.payments
drop constraint captures_another,
drop constraint an_authorization_has_its_amount,
drop column captures,
drop column voided_at,
drop column authorization_expires_at,
drop column authorization_no,
drop column authorized;

alter table mixpay.state_transitions
drop constraint entity_is_known,
add constraint entity_is_known check (
    entity in ('trade', 'payment', 'refund', 'channel_refund', 'release', 'dispute', 'split', 'settlement', 'repayment')
);

-- As in 0005.
do $domains$
begin
    alter domain mixpay.payment_state drop constraint payment_state_is_known;
    alter domain mixpay.payment_state add constraint payment_state_is_known
    check (value in ('pending', 'succeeded', 'failed', 'closed'));
    alter domain mixpay.channel_refund_state drop constraint channel_refund_state_is_known;
    alter domain mixpay.channel_refund_state add constraint channel_refund_state_is_known check (
        value in ('waiting', 'pending', 'sent', 'doubt', 'succeeded', 'failed', 'bounced')
    );
    alter domain mixpay.log drop constraint log_is_known;
    alter domain mixpay.log add constraint log_is_known check (value in ('trade', 'settlement', 'repayment'));
    alter domain mixpay.entity drop constraint entity_is_known;
    alter domain mixpay.entity add constraint entity_is_known check (
        value in (
            'trade', 'payment', 'refund', 'channel_refund', 'release', 'dispute', 'split', 'settlement', 'repayment'
        )
    );
    alter domain mixpay.account drop constraint account_is_known;
    alter domain mixpay.account add constraint account_is_known check (
        value in ('channel', 'order', 'surplus', 'refund', 'anomaly', 'outside', 'payee', 'receiver', 'fee')
    );
    comment on domain mixpay.payment_state is
    'pending: started; succeeded: the money arrived; failed: it did not; closed: its trade was closed.';
    comment on domain mixpay.channel_refund_state is
    'waiting: for a person or a moment; pending: to be sent; sent: by a worker; doubt: nobody knows; bounced: came back.';
    comment on domain mixpay.account is
    'channel: clearing with a channel; order: in escrow of an order; surplus: of a payment; refund: on its way back; '
    'anomaly: moved without a place in the books; outside: paid out or borne by the merchant; payee, receiver, fee: '
    'whose it is.';
end;
$domains$;

drop domain mixpay.channel_number;

reset role;
