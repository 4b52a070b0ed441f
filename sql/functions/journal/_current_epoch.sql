create function mixpay._current_epoch() returns bigint
language plpgsql stable
set search_path = mixpay, pg_temp
as $_current_epoch$
begin
    return (select max(epoch) from epochs);
end;
$_current_epoch$;

comment on function mixpay._current_epoch() is
$$How many times the database began anew, from 1: the last epoch.
$$;
