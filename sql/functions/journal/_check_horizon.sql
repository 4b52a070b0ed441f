create function mixpay._check_horizon(p_epoch bigint, p_xid xid8) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_horizon$
declare
    -- Not what is final: that may be less for a moment, when somebody elsewhere ends who was passed over.
    v_xid xid8 := pg_snapshot_xmax(pg_current_snapshot());
begin
    if _current_epoch() = p_epoch and v_xid < p_xid then
        raise exception 'transactions are counted anew' using
            errcode = 'MX411',
            detail = format(
                'Transaction %s of epoch %s had ended, and now %s is the next.', p_xid, p_epoch, v_xid
            ),
            hint = 'After a restore from a backup raise the epoch before anybody writes: mixpay events --new-epoch.';
    end if;
end;
$_check_horizon$;

comment on function mixpay._check_horizon(bigint, xid8) is
$$Refuses to go on in a database that was restored, in which transactions have numbers that were used up before.

p_epoch and p_xid: up to where there was nothing left to come. Null: nowhere.
Raises: MX411 if the database began anew and its epoch was not raised.
$$;
