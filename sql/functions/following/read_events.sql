create function mixpay.read_events(p_merchant_id text, p_after text default null, p_limit bigint default 100)
returns setof mixpay.events
language plpgsql stable security definer
set search_path = mixpay, pg_temp
-- Without bitmaps and whole sorts the log is read in the order of its index, as far as the limit reaches.
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $read_events$
declare
    v_after text[] := regexp_match(
        p_after, '^([0-9]{1,18})[.]([0-9]{1,18})[.]([rsafp]?)([0-9]{1,18})(o?)[.]([!-~]{1,64})$'
    );
    v_epoch bigint := coalesce(v_after[1]::bigint, 0);
    v_xid xid8 := coalesce(v_after[2], '0')::xid8;
    v_log text := coalesce(v_after[3], '');
    v_log_no text := coalesce(v_after[6], '');
    v_of_order boolean := coalesce(v_after[5], '') = 'o';
    v_entry bigint := coalesce(v_after[4]::bigint, 0);
begin
    perform _check_merchant(p_merchant_id);
    perform _check_limit(p_limit);
    if p_after is not null and v_after is null then
        raise exception 'this is no position among the events' using
            errcode = 'MX905',
            detail = format('It is %s.', _shown(p_after, '''')),
            hint = 'Pass the position of the last event that you have read, or null: from the first.';
    end if;
    return query
    select e.* from events as e
    where
        e.merchant_id = p_merchant_id
        and (e.epoch, e.xid) >= (v_epoch, v_xid)
        and (e.epoch, e.xid, e.log, e.log_no, e.entry, e.entity = 'order')
        > (v_epoch, v_xid, v_log, v_log_no, v_entry, v_of_order)
    order by e.epoch, e.xid, e.log, e.log_no, e.entry, e.entity = 'order'
    limit p_limit;
end;
$read_events$;

comment on function mixpay.read_events(text, text, bigint) is
$$Returns the changes of state after a position, at most p_limit, in order. Poll it with the position of the last one
you read.

p_after is that position, null for the first. No event is ever skipped, because an event is shown only when no
transaction with a smaller id still runs. So an event may be shown late, but always in its place. The order is that of
the transaction ids; entry says in which order things happened to one trade.

Settlements, repayments, adjustments, channel fees and payouts belong to no trade. What an event makes of an order (paid
over all its trades, payable again, partly or wholly refunded) is an event of entity order, right after it, with the
same entry.

After a restore from a backup positions stay valid if a new epoch was begun then (mixpay events --new-epoch).
Raises: MX101 if there is no such merchant; MX901; MX904; MX905.
$$;
