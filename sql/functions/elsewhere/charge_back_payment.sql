create function mixpay.charge_back_payment(
    p_merchant_id text, p_payment_no text, p_chargeback_no text, p_amount bigint, p_reason text,
    p_fee bigint default 0, p_charged_at timestamptz default null, p_order_no text default null
) returns mixpay.chargeback
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $charge_back_payment$
declare
    v_trade trades;
    v_payment payments;
    v_chargeback chargebacks;
    v_facts fact[];
begin
    perform _check_number('chargeback_no', p_chargeback_no), _check_amount('amount', p_amount);
    perform _check_text('reason', p_reason), _check_past('charged_at', p_charged_at);
    if p_fee is distinct from 0 then
        perform _check_amount('fee', p_fee);
    end if;
    v_trade := _lock_trade_of_payment(p_merchant_id, p_payment_no);
    v_payment := _payment_that_arrived(p_merchant_id, p_payment_no);
    insert into chargebacks (merchant_id, chargeback_no, payment_no, order_no, amount, fee, reason, charged_at)
    select
        p_merchant_id, p_chargeback_no, p_payment_no, p_order_no, p_amount, p_fee, p_reason,
        coalesce(p_charged_at, now())
    where p_order_no is null or exists (
        select from trade_orders as l
        where l.merchant_id = p_merchant_id and l.order_no = p_order_no and l.trade_no = v_trade.trade_no
    )
    on conflict do nothing
    returning * into v_chargeback;
    if not found then
        v_chargeback := _reason_later(_same_chargeback(
            v_trade, p_payment_no, p_chargeback_no, p_amount, p_fee, p_charged_at, p_order_no
        ), 'chargeback_no', p_reason);
        return row(v_chargeback.*)::chargeback;
    end if;
    v_facts := array[_fact(
        v_trade, 'chargeback', p_chargeback_no, '', 'charged', p_payment_no => p_payment_no, p_order_no => p_order_no,
        p_reason => p_reason, p_happened_at => v_chargeback.charged_at
    )];
    if p_fee > 0 then
        v_facts := v_facts || _fact(
            v_trade, 'chargeback', p_chargeback_no, null, null, 'channel_fee', v_payment.channel, 'channel',
            v_payment.channel, p_fee, p_payment_no, p_order_no, p_reason => p_reason,
            p_happened_at => v_chargeback.charged_at
        );
    end if;
    v_trade := _charge(_post(v_trade, v_facts), v_chargeback, p_amount, v_chargeback.charged_at);
    v_trade := _leave_to_a_person(v_trade, p_payment_no, format('charged back: %s', p_chargeback_no));
    select * into v_chargeback from chargebacks
    where merchant_id = p_merchant_id and chargeback_no = p_chargeback_no;
    return row(v_chargeback.*)::chargeback;
end;
$charge_back_payment$;

comment on function mixpay.charge_back_payment(text, text, text, bigint, text, bigint, timestamptz, text) is
$$Books that a channel took money of a payment back for a buyer who objected, once per chargeback number. It is booked
like refunds that the channel made by itself.

p_amount, and p_fee, which the channel takes for it, are in the currency's smallest unit. p_charged_at is when; if left
out, now.

The payment's surplus goes first, if it was not sent back. Then goes what can be refunded of its orders, in reverse of
how money fills them: from the last one that is paid first (fifo), or from all by what they have (pro_rata). p_order_no
names the order that it is about. Then money is taken from that order first, and from no other order. Payees and
receivers give back as for a refund; the orders are not payable again. The rest had been given back before, and is lost:
a movement from account loss, on loss_list.

If a channel refund of the payment is not sent yet, it waits for a person, for the reason "charged back:" and the
number. Fail it, and its money covers what is lost; or redirect it, and it is sent after all. Money that moved is
booked, even if it is more than what arrived.

The same number with the same content returns the chargeback as it is now. The reason is not compared, and neither is
what is left out. The reason and the moment may come later.
Locks: the trade; then the splits of its orders, then their totals, each in ascending order number.
Raises: MX101 if there is no such merchant; MX111 if the order is not in the payment's trade; MX201 if there is no such
payment; MX223 if the chargeback number was used for something else; MX226 if the payment has not succeeded; MX901;
MX902; MX905.
$$;
