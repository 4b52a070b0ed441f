create function mixpay._own_payment(p_merchant_id text, p_channel text, p_payment_no text) returns mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp set enable_seqscan = off set jit = off
as $_own_payment$
declare
    v_payment payments;
    v_channel channels;
    v_item own_item;
begin
    select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    if v_payment.channel is distinct from p_channel then
        return null;
    end if;
    select * into v_channel from channels where channel = p_channel;
    v_item.kind := 'payment';
    v_item.number := v_payment.payment_no;
    v_item.side := 'payment';
    v_item.amount := case v_payment.state when 'succeeded' then v_payment.amount else v_payment.asked end;
    v_item.currency := (
        select currency from trades where merchant_id = p_merchant_id and trade_no = v_payment.trade_no
    );
    v_item.happened_at := coalesce(v_payment.paid_at, v_payment.created_at);
    v_item.channel_key := _channel_key(
        v_payment.channel_txn_no, v_channel.txn_numbers, v_channel.day_zone, v_item.happened_at, v_item.amount
    );
    v_item.payment_no := v_payment.payment_no;
    v_item.payment_txn_no := v_payment.channel_txn_no;
    v_item.state := case
        when v_payment.state = 'succeeded' then 'succeeded' when v_payment.state in ('pending', 'authorized')
            then 'processing'
        else 'failed'
    end;
    return v_item;
end;
$_own_payment$;

comment on function mixpay._own_payment(text, text, text) is
$$A payment by its number, if it is by this channel.
$$;
