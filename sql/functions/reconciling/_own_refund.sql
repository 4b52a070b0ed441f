create function mixpay._own_refund(
    p_merchant_id text, p_channel text, p_kind text, p_channel_refund_no text
) returns mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_own_refund$
declare
    v_part channel_refunds;
    v_anomaly anomalies;
    v_channel channels;
    v_item own_item;
begin
    select * into v_part from channel_refunds
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    if v_part.channel is distinct from p_channel or exists (
        -- What a return or a chargeback took is that return or chargeback.
        select from refunds
        where merchant_id = p_merchant_id and refund_no = v_part.refund_no and kind in ('return', 'chargeback')
    ) then
        return null;
    end if;
    select * into v_anomaly from anomalies
    where merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no;
    select * into v_channel from channels where channel = p_channel;
    v_item := _own_payment(p_merchant_id, (
        select channel from payments where merchant_id = p_merchant_id and payment_no = v_part.payment_no
    ), v_part.payment_no);
    v_item.kind := p_kind;
    v_item.side := p_kind;
    v_item.number := p_channel_refund_no;
    v_item.state := case
        when num_nonnulls(v_part.refunded_at, v_anomaly.happened_at) > 0 then 'succeeded'
        when v_part.state in ('waiting', 'pending', 'sent', 'doubt') then 'processing' else 'failed'
    end;
    v_item.amount := -v_part.amount;
    v_item.happened_at := coalesce(v_part.refunded_at, v_anomaly.happened_at, v_part.created_at);
    if p_kind = 'refund_reversal' then
        v_item.amount := v_part.amount;
        if v_part.state = 'succeeded' then
            return null;
        elsif v_part.refunded_at is null then
            -- An anomaly that the channel gave back.
            select created_at into v_item.happened_at from anomaly_resolutions
            where
                merchant_id = p_merchant_id and channel_refund_no = p_channel_refund_no and resolution = 'recovered';
            if not found then
                return null;
            end if;
        else
            select max(f.happened_at) into v_item.happened_at from facts as f
            where
                f.merchant_id = p_merchant_id and f.log = 'trade' and f.log_no = (
                    select x.trade_no from payments as x
                    where x.merchant_id = p_merchant_id and x.payment_no = v_part.payment_no
                )
                and f.entity = 'channel_refund' and f.number = p_channel_refund_no and f.to_state = 'bounced';
        end if;
    end if;
    v_item.channel_key := _channel_key(
        coalesce(v_part.channel_txn_no, v_anomaly.channel_txn_no), v_channel.txn_numbers, v_channel.day_zone,
        v_item.happened_at, v_item.amount
    );
    return v_item;
end;
$_own_refund$;

comment on function mixpay._own_refund(text, text, text, text) is
$$A channel refund by its number, or that it came back, if it is by this channel.
$$;
