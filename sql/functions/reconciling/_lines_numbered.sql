create function mixpay._lines_numbered(
    p_merchant_id text, p_channel_txn_no text
) returns setof mixpay.statement_lines
language plpgsql stable
-- Planned each time, as in _paid_by.
set search_path = mixpay, pg_temp set plan_cache_mode = force_custom_plan
as $_lines_numbered$
begin
    return query
    select * from statement_lines as l
    where l.merchant_id = p_merchant_id and l.channel_txn_no = p_channel_txn_no;
end;
$_lines_numbered$;

comment on function mixpay._lines_numbered(text, text) is
$$Lines of all statements of a merchant that bear this number of a channel's.
$$;
