create function mixpay._own_payment(p_merchant_id text, p_channel text, p_payment_no text) returns mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_own_payment$
declare
    v_payment payments;
    v_channel channels;
    v_currency text;
    v_amount bigint;
    v_at timestamptz;
begin
    select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    if v_payment.channel is distinct from p_channel then
        return null;
    end if;
    select * into v_channel from channels where channel = p_channel;
    select currency into v_currency from trades where merchant_id = p_merchant_id and trade_no = v_payment.trade_no;
    v_amount := case v_payment.state when 'succeeded' then v_payment.amount else v_payment.asked end;
    v_at := coalesce(v_payment.paid_at, v_payment.created_at);
    return row(
        'payment', v_payment.payment_no, 'payment', v_amount, v_currency, v_at,
        _channel_key(v_payment.channel_txn_no, v_channel.txn_numbers, v_channel.day_zone, v_at, v_amount),
        v_payment.payment_no, v_payment.channel_txn_no,
        case
            when v_payment.state = 'succeeded' then 'succeeded'
            when v_payment.state in ('pending', 'authorized') then 'processing'
            else 'failed'
        end
    )::own_item;
end;
$_own_payment$;

comment on function mixpay._own_payment(text, text, text) is
$$A payment by its number, if it is by this channel.
$$;
