create function mixpay._own_refund(
    p_merchant_id text, p_channel text, p_kind text, p_number text
) returns mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_own_refund$
declare
    v_part channel_refunds;
    v_transfer transfer_list;
    v_channel channels;
    v_item own_item;
begin
    select * into v_part from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = split_part(p_number, '#', 1);
    if v_part.channel is distinct from p_channel or exists (
        -- What a return or a chargeback took is that return or chargeback.
        select from refunds
        where merchant_id = p_merchant_id and refund_no = v_part.refund_no and kind in ('return', 'chargeback')
    ) then
        return null;
    end if;
    select * into v_transfer from transfer_list
    where merchant_id = p_merchant_id and channel_refund_no = v_part.channel_refund_no and number = p_number;
    if
        v_transfer.nth is null and p_number <> v_part.channel_refund_no
        or v_transfer.came_back_at is null and p_kind = 'refund_reversal'
    then
        return null;
    end if;
    select * into v_channel from channels where channel = p_channel;
    v_item := _own_payment(p_merchant_id, (
        select channel from payments where merchant_id = p_merchant_id and payment_no = v_part.payment_no
    ), v_part.payment_no);
    v_item.kind := p_kind;
    v_item.side := p_kind;
    v_item.number := p_number;
    v_item.state := case
        when v_transfer.nth is not null then 'succeeded'
        when v_part.state in ('waiting', 'pending', 'sent', 'doubt') then 'processing' else 'failed'
    end;
    v_item.amount := case p_kind when 'refund' then -v_part.amount else v_part.amount end;
    v_item.happened_at := case p_kind
        when 'refund' then coalesce(v_transfer.refunded_at, v_part.created_at) else v_transfer.came_back_at
    end;
    v_item.channel_key := _channel_key(
        v_transfer.channel_txn_no, v_channel.txn_numbers, v_channel.day_zone, v_item.happened_at, v_item.amount
    );
    return v_item;
end;
$_own_refund$;

comment on function mixpay._own_refund(text, text, text, text) is
$$A transfer of a channel refund by its number in mixpay.transfer_list, or that it came back, if it is by this channel.
Also a channel refund that has not gone.
$$;
