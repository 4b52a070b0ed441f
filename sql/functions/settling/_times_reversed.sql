create function mixpay._times_reversed(
    p_settlement mixpay.settlements, p_nth bigint, p_may_be_next boolean
) returns bigint
language plpgsql stable
set search_path = mixpay, pg_temp
as $_times_reversed$
declare
    v_times bigint;
begin
    select count(*) into v_times from facts
    where
        merchant_id = p_settlement.merchant_id and log = 'settlement' and log_no = p_settlement.settlement_no
        and from_state = 'settled' and to_state = 'reversed';
    if coalesce(p_nth, 1) not between 1 and v_times + p_may_be_next::integer then
        raise exception '%', case v_times
            when 0 then format('settlement %s was never reversed', p_settlement.settlement_no)
            else format('settlement %s was not reversed that often', p_settlement.settlement_no)
        end using
            errcode = 'MX415',
            detail = format('It paid out %s, was reversed %s times and is %s; reversal %s is named.',
                p_settlement.amount, v_times, p_settlement.state, coalesce(p_nth, 1)),
            hint = 'Reversals are counted from 1, and the next one comes after the last was reinstated.';
    end if;
    return v_times;
end;
$_times_reversed$;

comment on function mixpay._times_reversed(mixpay.settlements, bigint, boolean) is
$$How often a settlement was reversed.

p_nth is which reversal some news is about, counted from 1; null: it does not say. p_may_be_next: it may be the one that
comes next. Whoever names p_nth holds the lock of the settlement.
Raises: MX415 if it was not reversed that often.
$$;
