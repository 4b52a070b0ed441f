create function mixpay.reverse_chargeback(
    p_merchant_id text, p_chargeback_no text, p_reason text, p_amount bigint default null,
    p_at timestamptz default null
) returns mixpay.chargeback
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $reverse_chargeback$
declare
    v_trade trades;
    v_payment payments;
    v_was chargebacks;
    v_chargeback chargebacks;
    v_fact fact;
    v_facts fact[];
    v_back bigint;
    v_found bigint;
begin
    perform _check_text('reason', p_reason), _check_past('at', p_at);
    if p_amount is not null then
        perform _check_amount('amount', p_amount);
    end if;
    select * into v_was from chargebacks where merchant_id = p_merchant_id and chargeback_no = p_chargeback_no;
    if not found then
        perform _check_merchant(p_merchant_id), _check_number('chargeback_no', p_chargeback_no);
        raise exception 'there is no chargeback %', p_chargeback_no using
            errcode = 'MX224',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'Book it first with charge_back_payment. See mixpay.chargeback_list.';
    end if;
    v_trade := _lock_trade_of_payment(p_merchant_id, v_was.payment_no);
    select * into v_was from chargebacks where merchant_id = p_merchant_id and chargeback_no = p_chargeback_no;
    if p_amount > v_was.amount then
        raise exception 'chargeback % took less than that', p_chargeback_no using
            errcode = 'MX225',
            detail = format('It took %s, and %s is to have come back.', v_was.amount, p_amount),
            hint = 'Name what came back of it in all, by this and earlier reversals.';
    end if;
    v_back := coalesce(p_amount, v_was.amount) - v_was.reversed;
    if v_back <= 0 then
        v_was := _reason_later(v_was, 'chargeback_no', p_reason, 'reversal_reason');
        -- Of what came back last; news of an earlier part tells nothing new.
        if v_back = 0 and _is_another_moment(v_was.reversed_at, p_at) then
            if not _was_assumed(v_trade, 'chargeback', p_chargeback_no, v_was.reversed_at) then
                raise exception 'chargeback % came back at another moment', p_chargeback_no using
                    errcode = 'MX223',
                    detail = _on_record(json_build_object('reversed', v_was.reversed, 'at', v_was.reversed_at),
                        json_build_object('amount', p_amount, 'at', p_at)),
                    hint = 'A repeated reversal must come with the same content: amount in all, moment.';
            end if;
            perform _learn_of_taking(
                v_trade, 'chargeback', p_chargeback_no, v_was.payment_no, v_was.state, v_was.reversed_at, p_at, true
            );
            update chargebacks set reversed_at = p_at
            where merchant_id = p_merchant_id and chargeback_no = p_chargeback_no
            returning * into v_was;
        end if;
        return row(v_was.*)::chargeback;
    end if;
    v_found := least(v_back, v_was.lost);
    update chargebacks
    set
        reversed = reversed + v_back, lost = lost - v_found, reversal_reason = p_reason,
        reversed_at = coalesce(p_at, now()),
        state = case when reversed + v_back = amount then 'reversed' else 'partly_reversed' end
    where merchant_id = p_merchant_id and chargeback_no = p_chargeback_no
    returning * into v_chargeback;
    select * into v_payment from payments
    where merchant_id = p_merchant_id and payment_no = v_chargeback.payment_no;
    v_fact := _fact(v_trade, 'chargeback', p_chargeback_no, v_was.state, v_chargeback.state);
    v_fact.payment_no := v_chargeback.payment_no;
    v_fact.order_no := v_chargeback.order_no;
    v_fact.reason := p_reason;
    v_fact.happened_at := v_chargeback.reversed_at;
    v_facts := v_fact || _loss(v_fact, v_payment, -v_found);
    v_trade := _give_charged_back(_post(v_trade, v_facts), v_chargeback, v_back - v_found);
    if v_chargeback.state = 'reversed' then
        v_trade := _let_go(v_trade, v_chargeback.payment_no, format('charged back: %s', p_chargeback_no));
    end if;
    select * into v_chargeback from chargebacks
    where merchant_id = p_merchant_id and chargeback_no = p_chargeback_no;
    return row(v_chargeback.*)::chargeback;
end;
$reverse_chargeback$;

comment on function mixpay.reverse_chargeback(text, text, text, bigint, timestamptz) is
$$Books that a channel gave back what a chargeback had taken. The money goes back to where it was taken from: first to
what was lost, then to what was taken last.

p_amount is what came back of it in all, by this and earlier reversals, in the currency's smallest unit; if left out,
all of it. So you may repeat a call: if that much came back already, nothing changes. p_at is when; if left out, now.
The reason may come later, and so may the moment of what came back last.

The books are then as if the chargeback had been for the rest only: its orders can be refunded again, and payees and
receivers have again what they gave back. The fee is not given back. When all of it came back, channel refunds that
waited for it go on, unless another chargeback or a return of the payment stands.
Locks: the trade; then the splits of its orders, then their totals, each in ascending order number.
Raises: MX101 if there is no such merchant; MX223 if it came back at another moment; MX224 if there is no such
chargeback; MX225 if it took less; MX901; MX902; MX905.
$$;
