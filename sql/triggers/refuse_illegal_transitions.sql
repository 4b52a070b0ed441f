create function mixpay._refuse_illegal_transition() returns trigger
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_illegal_transition$
declare
    v_from_state text := case tg_op when 'INSERT' then '' else old.state end;
begin
    if v_from_state <> new.state and not exists (
        select from state_transitions
        where entity = tg_argv[0] and from_state = v_from_state and to_state = new.state
    ) then
        raise exception 'a % cannot become % from %', tg_argv[0], new.state,
            case v_from_state when '' then 'nothing' else v_from_state end using
            errcode = 'check_violation',
            hint = 'mixpay.state_transitions has the legal changes.';
    end if;
    return null;
end;
$_refuse_illegal_transition$;

comment on function mixpay._refuse_illegal_transition() is
$$Refuses a change of state that is not in state_transitions. Its argument is the entity.
$$;

-- What nearly every payment and refund does is legal, and passed over: to look it up is a tenth of what an import
-- costs.
create trigger refuse_illegal_beginning after insert on mixpay.trades
for each row when (new.state <> 'open')
execute function mixpay._refuse_illegal_transition('trade');

create trigger refuse_illegal_beginning after insert on mixpay.payments
for each row when (new.state not in ('pending', 'succeeded'))
execute function mixpay._refuse_illegal_transition('payment');

create trigger refuse_illegal_beginning after insert on mixpay.refunds
for each row when (new.state <> 'processing')
execute function mixpay._refuse_illegal_transition('refund');

create trigger refuse_illegal_beginning after insert on mixpay.channel_refunds
for each row when (new.state not in ('pending', 'waiting'))
execute function mixpay._refuse_illegal_transition('channel_refund');

create trigger refuse_illegal_transition after update of state on mixpay.trades
for each row when (old.state is distinct from new.state and not (old.state = 'open' and new.state = 'paid'))
execute function mixpay._refuse_illegal_transition('trade');

create trigger refuse_illegal_transition after update of state on mixpay.payments
for each row when (old.state is distinct from new.state and not (old.state = 'pending' and new.state = 'succeeded'))
execute function mixpay._refuse_illegal_transition('payment');

create trigger refuse_illegal_transition after update of state on mixpay.refunds
for each row when (old.state is distinct from new.state and not (old.state = 'processing' and new.state = 'succeeded'))
execute function mixpay._refuse_illegal_transition('refund');

create trigger refuse_illegal_transition after update of state on mixpay.channel_refunds
for each row when (
    old.state is distinct from new.state and not (old.state = 'pending' and new.state = 'sent')
    and not (old.state in ('waiting', 'pending', 'sent') and new.state = 'succeeded')
) execute function mixpay._refuse_illegal_transition('channel_refund');

create trigger refuse_illegal_transition after insert or update of state on mixpay.disputes
for each row execute function mixpay._refuse_illegal_transition('dispute');

create trigger refuse_illegal_transition after insert or update of state on mixpay.settlements
for each row execute function mixpay._refuse_illegal_transition('settlement');

create trigger refuse_illegal_transition after insert or update of state on mixpay.chargebacks
for each row execute function mixpay._refuse_illegal_transition('chargeback');
