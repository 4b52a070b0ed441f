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
    v_stored trade_orders;
    v_lacking bigint[];
    v_shares bigint[];
    v_live boolean[];
    v_first bigint := 1;
    v_last bigint := 0;
    v_by_remainder bigint[];
    v_share bigint;
    v_fact facts;
    v_moved facts;
    v_moves facts[];
    v_facts facts[] := array[]::facts[];
begin
    -- All lines of all these trades at once, in order; v_first to v_last are those of the trade at hand.
    select array_agg(l.line), array_agg(l.amount - l.paid), array_agg(0::bigint), array_agg(true)
    into v_lines, v_lacking, v_shares, v_live
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
        v_payments := v_payments || v_payment;
        v_trade := _count_payment(v_trade, v_payment);
        v_fact := _payment_fact(v_trade, v_payment, p_from_state);
        v_fact.to_account := 'order';
        v_moves := array[]::facts[];
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
                v_stored := v_lines[v_line];
                v_stored.paid := v_stored.paid + v_shares[v_line];
                v_shares[v_line] := v_shares[v_line] + v_share;
                v_fact.order_no := v_stored.order_no;
                v_fact.to_owner := v_fact.order_no;
                v_fact.amount := v_share;
                v_facts := v_facts || case
                    when v_lacking[v_line] > 0 and v_stored.refunded = 0 and v_stored.alone then v_fact
                    else _order_fact(v_fact, v_stored, v_share, 0)
                end;
                v_fact.from_state := null;
                v_fact.to_state := null;
                if v_stored.clears_at_once then
                    v_moved := _movement(v_fact, 'order', 'payee', v_share, null);
                    v_moved.to_owner := v_stored.payee_no;
                    v_moves := v_moves || v_moved;
                end if;
            end if;
            exit when v_payment.applied = 0;
            v_line := v_line + 1;
        end loop;
        foreach v_moved in array v_moves loop  -- to append an array would copy all that is there
            v_facts := v_facts || v_moved;
        end loop;
        if v_trade.state = 'paid' then
            v_facts := v_facts || _paid_fact(v_trade, v_payment);
            v_live[v_first:v_last] := array_fill(false, array[(v_last - v_first + 1)::integer]);
        end if;
        v_paid_into[v_nth] := v_trade;
    end loop;
    perform _fill_lines(v_lines, v_shares, v_live);
    perform _post_all(v_paid_into, v_facts);
    return v_payments;
end;
$_apply_payments$;

comment on function mixpay._apply_payments(mixpay.trades[], mixpay.payments[], text) is
$$Gives the money of payments to their trades: what _apply_payment does for one, for many at once. Returns the payments
with their places in their trades; to store them is left to the caller.

p_trades are the locked trades, in ascending number; p_payments the payments that they need in full, trade by trade in
the same order; p_from_state the state of all of them before.
$$;
