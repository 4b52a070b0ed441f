-- The rules of a row are a domain of the whole row: PostgreSQL reads them once in a session, and no longer with every
-- statement that writes. They say the same as before, by the same names, and the tables are read once to see that it is so.
-- It is one transaction together with its mark, so nothing in it can be left to be validated later: writes wait until it
-- is done.
-- The code stays.
-- squawk-ignore-file constraint-missing-not-valid, ban-drop-constraint
set role mixpay_owner;

create domain mixpay.trade_rules as mixpay.trades
constraint paid_is_never_above_amount check ((value).paid <= (value).amount)
constraint refunded_is_never_above_paid check ((value).refunded <= (value).paid)
constraint only_a_closed_trade_keeps_paid check (not (value).keeps_paid or (value).state = 'closed')
constraint open_lacks_something_and_paid_nothing check (
    (value).state = 'closed' or ((value).state = 'paid') = ((value).paid = (value).amount)
);

alter table mixpay.trades
drop constraint paid_is_never_above_amount,
drop constraint refunded_is_never_above_paid,
drop constraint only_a_closed_trade_keeps_paid,
drop constraint open_lacks_something_and_paid_nothing,
add constraint rules_hold check (not (cast(trades as mixpay.trade_rules) is null));

comment on domain mixpay.trade_rules is 'What is true of every row of trades.';

create domain mixpay.trade_order_rules as mixpay.trade_orders
constraint amount_is_never_above_asked check ((value).amount <= (value).asked + (value).raised)
constraint paid_is_never_above_amount check ((value).paid <= (value).amount)
constraint refunded_is_never_above_paid check ((value).refunded <= (value).paid)
constraint cleared_is_never_above_what_is_there check ((value).cleared <= (value).paid - (value).refunded)
constraint a_release_is_due_only_with_a_hold check ((value).hold or (value).release_due_at is null)
constraint a_cancelled_line_needs_nothing check (
    (value).cancelled_at is null or (not (value).live and (value).amount = (value).paid)
);

alter table mixpay.trade_orders
drop constraint amount_is_never_above_asked,
drop constraint paid_is_never_above_amount,
drop constraint refunded_is_never_above_paid,
drop constraint cleared_is_never_above_what_is_there,
drop constraint a_release_is_due_only_with_a_hold,
drop constraint a_cancelled_line_needs_nothing,
add constraint rules_hold check (not (cast(trade_orders as mixpay.trade_order_rules) is null));

comment on domain mixpay.trade_order_rules is 'What is true of every row of trade_orders.';

create domain mixpay.payment_rules as mixpay.payments
constraint amount_is_applied_and_surplus check ((value).amount = (value).applied + (value).surplus)
constraint surplus_refunded_is_never_above_surplus check ((value).surplus_refunded <= (value).surplus)
constraint refunded_includes_surplus_refunded check ((value).surplus_refunded <= (value).refunded)
constraint order_refunds_are_never_above_applied check (
    (value).refunded <= (value).applied + (value).surplus_refunded
)
constraint only_a_success_brings_money check (((value).state = 'succeeded') = ((value).amount > 0))
constraint money_has_its_moment_and_place check (
    case
        when (value).amount = 0 then (value).paid_at is null and (value).seq is null
        else (value).paid_at is not null and (value).seq is not null
    end
)
constraint an_authorization_has_its_amount check (
    case
        when (value).state = 'authorized' then (value).authorized is not null and (value).voided_at is null
        else
            (value).authorized is not null or (
                (value).authorization_no is null and (value).authorization_expires_at is null
                and (value).voided_at is null
            )
    end
)
constraint captures_another check ((value).captures <> (value).payment_no);

alter table mixpay.payments
drop constraint amount_is_applied_and_surplus,
drop constraint surplus_refunded_is_never_above_surplus,
drop constraint refunded_includes_surplus_refunded,
drop constraint order_refunds_are_never_above_applied,
drop constraint only_a_success_brings_money,
drop constraint money_has_its_moment_and_place,
drop constraint an_authorization_has_its_amount,
drop constraint captures_another,
add constraint rules_hold check (not (cast(payments as mixpay.payment_rules) is null));

comment on domain mixpay.payment_rules is 'What is true of every row of payments.';

create domain mixpay.refund_rules as mixpay.refunds
constraint kind_is_known check (
    (value).kind in ('order', 'offline', 'surplus', 'reversal', 'return', 'chargeback')
)
-- What a chargeback takes of a surplus is of no order.
constraint order_is_named_by_order_refunds check (
    (value).kind = 'chargeback' or ((value).order_no is not null) = ((value).kind in ('order', 'offline'))
)
constraint its_cause_is_named check (
    case (value).kind
        when 'return' then (value).return_no is not null and (value).chargeback_no is null
        when 'chargeback' then (value).chargeback_no is not null and (value).return_no is null
        when 'surplus' then (value).return_no is null or (value).chargeback_no is null
        else (value).return_no is null and (value).chargeback_no is null
    end
)
constraint payment_nos_is_a_plain_list check (array_ndims((value).payment_nos) = 1)
constraint parts_are_never_above_amount check ((value).succeeded + (value).freed <= (value).amount)
constraint state_follows_from_the_parts check (
    (value).state = case
        when (value).succeeded + (value).freed < (value).amount then 'processing'
        when (value).freed = 0 then 'succeeded'
        when (value).succeeded = 0 then 'failed'
        else 'partly_failed'
    end
)
constraint reason_has_no_control_characters check (
    (value).reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);

alter table mixpay.refunds
drop constraint kind_is_known,
drop constraint order_is_named_by_order_refunds,
drop constraint its_cause_is_named,
drop constraint payment_nos_is_a_plain_list,
drop constraint parts_are_never_above_amount,
drop constraint state_follows_from_the_parts,
drop constraint reason_has_no_control_characters,
add constraint rules_hold check (not (cast(refunds as mixpay.refund_rules) is null));

comment on domain mixpay.refund_rules is 'What is true of every row of refunds.';

create domain mixpay.channel_refund_rules as mixpay.channel_refunds
constraint cleared_is_never_above_amount check ((value).cleared <= (value).amount)
constraint work_is_due_some_time check (
    case
        when (value).state in ('pending', 'sent', 'doubt') then (value).due_at is not null
        when (value).state = 'waiting' then (value).due_at is not distinct from (value).not_before
        else (value).due_at is null
    end
)
constraint money_that_went_back_has_its_moment check (
    case
        when (value).state in ('succeeded', 'bounced') then (value).refunded_at is not null
        when (value).state <> 'failed' then (value).refunded_at is null
        else true
    end
)
constraint reason_has_no_control_characters check (
    (value).reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);

alter table mixpay.channel_refunds
drop constraint cleared_is_never_above_amount,
drop constraint work_is_due_some_time,
drop constraint money_that_went_back_has_its_moment,
drop constraint reason_has_no_control_characters,
add constraint rules_hold check (not (cast(channel_refunds as mixpay.channel_refund_rules) is null));

comment on domain mixpay.channel_refund_rules is 'What is true of every row of channel_refunds.';

create domain mixpay.fact_rules as mixpay.facts
constraint a_change_has_two_states check (
    case when (value).from_state is null then (value).to_state is null else (value).to_state is not null end
    and case
        when (value).order_from_state is null then (value).order_to_state is null
        else (value).order_to_state is not null
    end
)
constraint a_movement_has_two_accounts check (
    case
        when (value).amount is null then (value).from_account is null and (value).to_account is null
        else (value).from_account is not null and (value).to_account is not null
    end
)
constraint owner_of_the_money_is_named check (
    case
        when (value).from_account <> 'outside' then (value).from_owner is not null else (value).from_owner is null
    end
    and case
        when (value).to_account <> 'outside' then (value).to_owner is not null else (value).to_owner is null
    end
)
constraint says_something check ((value).to_state is not null or (value).amount is not null);

alter table mixpay.facts
drop constraint a_change_has_two_states,
drop constraint a_movement_has_two_accounts,
drop constraint owner_of_the_money_is_named,
drop constraint says_something,
add constraint rules_hold check (not (cast(facts as mixpay.fact_rules) is null));

comment on domain mixpay.fact_rules is 'What is true of every row of facts.';

reset role;
