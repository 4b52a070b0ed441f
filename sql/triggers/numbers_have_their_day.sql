create function mixpay._number_the_day() returns trigger
language plpgsql
set search_path = mixpay, pg_temp
as $_number_the_day$
begin
    new.txn_day := _txn_day(new.channel, new.paid_at);
    return new;
end;
$_number_the_day$;

comment on function mixpay._number_the_day() is
$$Says within which day a payment's number must be unique, whoever writes it.
$$;

-- The calls mostly say the day themselves, which is cheaper.
create trigger new_numbers_have_their_day before insert on mixpay.payments
for each row when (new.channel_txn_no is not null and new.txn_day is null)
execute function mixpay._number_the_day();

create trigger numbers_have_their_day before update of channel_txn_no on mixpay.payments
for each row when (new.channel_txn_no is not null and new.txn_day is not distinct from old.txn_day)
execute function mixpay._number_the_day();
