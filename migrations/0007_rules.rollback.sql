-- Takes back 0007: the rules are the tables' own again.
set role mixpay_owner;

alter table mixpay.trades
drop constraint rules_hold,
add constraint paid_is_never_above_amount check (paid <= amount),
add constraint refunded_is_never_above_paid check (refunded <= paid),
add constraint only_a_closed_trade_keeps_paid check (state = 'closed' or not keeps_paid),
add constraint open_lacks_something_and_paid_nothing check (state = 'closed' or (state = 'paid') = (paid = amount));

drop domain mixpay.trade_rules;

alter table mixpay.trade_orders
drop constraint rules_hold,
add constraint amount_is_never_above_asked check (amount <= asked + raised),
add constraint paid_is_never_above_amount check (paid <= amount),
add constraint refunded_is_never_above_paid check (refunded <= paid),
add constraint cleared_is_never_above_what_is_there check (cleared <= paid - refunded),
add constraint a_release_is_due_only_with_a_hold check (hold or release_due_at is null),
add constraint a_cancelled_line_needs_nothing check (cancelled_at is null or (not live and amount = paid));

drop domain mixpay.trade_order_rules;

alter table mixpay.payments
drop constraint rules_hold,
add constraint amount_is_applied_and_surplus check (amount = applied + surplus),
add constraint surplus_refunded_is_never_above_surplus check (surplus_refunded <= surplus),
add constraint refunded_includes_surplus_refunded check (surplus_refunded <= refunded),
add constraint order_refunds_are_never_above_applied check (refunded <= applied + surplus_refunded),
add constraint only_a_success_brings_money check ((state = 'succeeded') = (amount > 0)),
add constraint money_has_its_moment_and_place check (
    (paid_at is null) = (amount = 0) and (seq is null) = (paid_at is null)
),
add constraint an_authorization_has_its_amount check (
    case
        when authorized is null
            then state <> 'authorized' and num_nonnulls(authorization_no, authorization_expires_at, voided_at) = 0
        else state <> 'authorized' or voided_at is null
    end
),
add constraint captures_another check (captures <> payment_no);

drop domain mixpay.payment_rules;

alter table mixpay.refunds
drop constraint rules_hold,
add constraint kind_is_known check (kind in ('order', 'offline', 'surplus', 'reversal', 'return', 'chargeback')),
-- What a chargeback takes of a surplus is of no order.
add constraint order_is_named_by_order_refunds check (
    kind = 'chargeback' or (order_no is not null) = (kind in ('order', 'offline'))
),
add constraint its_cause_is_named check (
    case kind
        when 'return' then return_no is not null and chargeback_no is null
        when 'chargeback' then chargeback_no is not null and return_no is null
        when 'surplus' then return_no is null or chargeback_no is null
        else return_no is null and chargeback_no is null
    end
),
add constraint payment_nos_is_a_plain_list check (array_ndims(payment_nos) = 1),
add constraint parts_are_never_above_amount check (succeeded + freed <= amount),
add constraint state_follows_from_the_parts check (
    state = case
        when succeeded + freed < amount then 'processing' when freed = 0 then 'succeeded'
        when succeeded = 0 then 'failed' else 'partly_failed'
    end
),
add constraint reason_has_no_control_characters check (
    reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);

drop domain mixpay.refund_rules;

alter table mixpay.channel_refunds
drop constraint rules_hold,
add constraint cleared_is_never_above_amount check (cleared <= amount),
add constraint work_is_due_some_time check (
    case
        when state in ('pending', 'sent', 'doubt') then due_at is not null
        when state = 'waiting' then due_at is not distinct from not_before
        else due_at is null
    end
),
add constraint money_that_went_back_has_its_moment check (
    case
        when state in ('succeeded', 'bounced') then refunded_at is not null
        when state <> 'failed' then refunded_at is null
        else true
    end
),
add constraint reason_has_no_control_characters check (
    reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);

drop domain mixpay.channel_refund_rules;

alter table mixpay.facts
drop constraint rules_hold,
add constraint a_change_has_two_states check (
    (from_state is null) = (to_state is null) and (order_from_state is null) = (order_to_state is null)
),
add constraint a_movement_has_two_accounts check (
    (from_account is null) = (amount is null) and (to_account is null) = (amount is null)
),
add constraint owner_of_the_money_is_named check (
    (from_account is null or from_account = 'outside') = (from_owner is null)
    and (to_account is null or to_account = 'outside') = (to_owner is null)
),
add constraint says_something check (to_state is not null or amount is not null);

drop domain mixpay.fact_rules;

reset role;
