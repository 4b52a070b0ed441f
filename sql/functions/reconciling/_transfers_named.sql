create function mixpay._transfers_named(
    p_merchant_id text, p_channel_refund_no text, p_channel_txn_no text
) returns setof mixpay.transfer_list
language plpgsql stable
-- Planned each time, as in _paid_by.
set search_path = mixpay, pg_temp set plan_cache_mode = force_custom_plan
as $_transfers_named$
begin
    return query
    select t.* from transfer_list as t
    where t.merchant_id = p_merchant_id and t.channel_refund_no = p_channel_refund_no
    union
    select t.* from transfer_list as t
    where t.merchant_id = p_merchant_id and t.channel_txn_no = p_channel_txn_no;
end;
$_transfers_named$;

comment on function mixpay._transfers_named(text, text, text) is
$$The transfers of a channel refund, and those that bear a number of the channel's.
$$;
