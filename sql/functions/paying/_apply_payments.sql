create function mixpay._apply_payments(
    p_trades mixpay.trades[], p_payments mixpay.payments[], p_from_state text
) returns mixpay.payments[]
language plpgsql
set search_path = mixpay, pg_temp
as $_apply_payments$
declare
    v_paid_into trades[] := array(
        select t from unnest(p_trades) as t where t.trade_no in (select p.trade_no from unnest(p_payments) as p)
        order by t.trade_no
    );
    v_trade trades;
    v_payment payments;
    v_payments payments[] := array[]::payments[];
    v_nth bigint := 0;
    v_line bigint;
    v_lines trade_orders[];
    v_lacking bigint[];
    v_first bigint := 1;
    v_last bigint := 0;
    v_by_remainder bigint[];
    v_share bigint;
    v_allotments allotment[] := array[]::allotment[];
begin
    -- All lines of all these trades at once, in order; v_first to v_last are those of the trade at hand.
    select array_agg(l.line), array_agg(l.amount - l.paid) into v_lines, v_lacking
    from (
        select x.amount, x.paid, x.line
        from unnest(v_paid_into) as t
        cross join lateral (
            select y.*, y as line from trade_orders as y
            where y.merchant_id = t.merchant_id and y.trade_no = t.trade_no and y.live is not false
            offset 0
        ) as x
        order by x.trade_no, x.position
    ) as l;
    foreach v_payment in array p_payments loop
        if v_payment.trade_no is distinct from v_trade.trade_no then
            v_nth := v_nth + 1;
            v_trade := v_paid_into[v_nth];
            v_first := v_last + 1;
            v_last := v_first;
            while (v_lines[v_last + 1]).trade_no = v_trade.trade_no loop
                v_last := v_last + 1;
            end loop;
            v_line := v_first;
        end if;
        v_payment.seq := v_trade.last_seq + 1;
        v_payment.paid_at := coalesce(v_payment.paid_at, now());
        v_payments := v_payments || v_payment;
        v_trade := _count_payment(v_trade, v_payment);
        v_by_remainder := null;
        v_line := case v_trade.allocation when 'pro_rata' then v_first else v_line end;
        if v_trade.allocation = 'pro_rata' and v_trade.state = 'open' then
            v_by_remainder := _apportion(v_payment.applied, v_lacking[v_first:v_last]);
        end if;
        loop
            v_share := coalesce(v_by_remainder[v_line - v_first + 1], least(v_payment.applied, v_lacking[v_line]));
            if v_share > 0 then
                v_payment.applied := v_payment.applied - v_share;
                v_lacking[v_line] := v_lacking[v_line] - v_share;
                v_allotments := v_allotments || row(cardinality(v_payments), v_line, v_share)::allotment;
            end if;
            exit when v_payment.applied = 0;
            v_line := v_line + 1;
        end loop;
        v_paid_into[v_nth] := v_trade;
    end loop;
    perform _post_all(v_paid_into, _pay_lines(v_paid_into, v_payments, p_from_state, v_lines, v_allotments));
    return v_payments;
end;
$_apply_payments$;

comment on function mixpay._apply_payments(mixpay.trades[], mixpay.payments[], text) is
$$Gives the money of payments to their trades: what _apply_payment does for one, for many at once. Returns the payments
with their places in their trades; to store them is left to the caller.

p_trades are the locked trades, in ascending number; p_payments the payments that they need in full, trade by trade in
the same order, those without a moment being of now; p_from_state the state of all of them before. The caller has locked
the splits and totals of the orders.
$$;
