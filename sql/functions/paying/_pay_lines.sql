create function mixpay._pay_lines(
    p_trades mixpay.trades[], p_payments mixpay.payments[], p_from_state text, p_lines mixpay.trade_orders[],
    p_allotments mixpay.allotment[]
) returns mixpay.fact[]
language plpgsql
set search_path = mixpay, pg_temp
as $_pay_lines$
declare
    v_trade trades;
    v_trade_nth bigint := 0;
    v_payment payments;
    v_allotment allotment;
    v_nth bigint := 1;
    v_lines trade_orders[] := p_lines;
    v_line trade_orders;
    v_fact fact;
    v_moved fact;
    v_moves fact[];
    v_facts fact[] := array[]::fact[];
    v_were split_standing[];
    v_are split_standing[];
    v_was split_standing;
    v_divided allotment[];
    v_given bigint;
    v_clearing clearing;
begin
    if exists (select from unnest(p_lines) as l where l.split_no is not null) then
        v_were := _split_standings(p_lines);
        v_are := v_were;
    end if;
    for i in 1 .. cardinality(p_payments) loop
        v_payment := p_payments[i];
        if v_payment.trade_no is distinct from v_trade.trade_no then
            v_trade_nth := v_trade_nth + 1;
            v_trade := p_trades[v_trade_nth];
        end if;
        -- The first movement is also the change of the payment's state.
        v_fact := _fact(
            v_trade, 'payment', v_payment.payment_no, p_from_state, 'succeeded', 'channel', v_payment.channel,
            p_payment_no => v_payment.payment_no, p_happened_at => v_payment.paid_at
        );
        v_fact.to_account := 'order';
        v_moves := array[]::fact[];
        v_divided := array[]::allotment[];
        while (p_allotments[v_nth]).payment = i loop
            v_allotment := p_allotments[v_nth];
            v_nth := v_nth + 1;
            v_line := v_lines[v_allotment.line];
            v_fact.order_no := v_line.order_no;
            v_fact.to_owner := v_fact.order_no;
            v_fact.amount := v_allotment.share;
            v_facts := v_facts || case
                when v_line.paid + v_allotment.share < v_line.amount and v_line.refunded = 0 and v_line.alone
                    then v_fact
                else _order_fact(v_fact, v_line, v_allotment.share, 0)
            end;
            v_fact.from_state := null;
            v_fact.to_state := null;
            if v_line.split_no is not null then
                v_divided := v_divided || v_allotment;
                continue;
            end if;
            if v_line.clears_at_once then
                v_moved := _movement(v_fact, 'order', 'payee', v_allotment.share, null);
                v_moved.to_owner := v_line.payee_no;
                v_moves := v_moves || v_moved;
                v_line.cleared := v_line.cleared + v_allotment.share;
            end if;
            v_line.paid := v_line.paid + v_allotment.share;
            v_lines[v_allotment.line] := v_line;
        end loop;
        if cardinality(v_divided) > 1 then  -- as _allot does, because of the locks
            v_divided := array(select d from unnest(v_divided) as d order by v_lines[d.line].order_no);
        end if;
        foreach v_allotment in array v_divided loop
            v_line := v_lines[v_allotment.line];
            v_was := v_are[v_allotment.line];
            v_given := case when v_line.hold and not v_was.at_payment then 0 else v_allotment.share end;
            v_are[v_allotment.line] := _divide_shares(v_was, v_was.divided + v_given, v_given, 0);
            v_clearing := _split_clearing(v_line, v_was, v_are[v_allotment.line], 0, 0);
            v_fact.order_no := v_line.order_no;
            foreach v_moved in array _clearing_facts(v_fact, v_clearing) loop
                v_moves := v_moves || v_moved;
            end loop;
            v_line.paid := v_line.paid + v_allotment.share;
            v_line.cleared := v_line.cleared + v_clearing.cleared;
            v_lines[v_allotment.line] := v_line;
        end loop;
        foreach v_moved in array v_moves loop  -- to append an array would copy all that is there
            v_facts := v_facts || v_moved;
        end loop;
        -- A trade that is paid is that by its last payment.
        if v_trade.state = 'paid' and p_payments[i + 1].trade_no is distinct from v_trade.trade_no then
            v_facts := v_facts || _fact(
                v_trade, 'trade', v_trade.trade_no, 'open', 'paid', p_payment_no => v_payment.payment_no,
                p_happened_at => v_payment.paid_at
            );
        end if;
    end loop;
    perform _fill_lines(v_lines, p_trades, v_were, v_are);
    return v_facts;
end;
$_pay_lines$;

comment on function mixpay._pay_lines(
    mixpay.trades[], mixpay.payments[], text, mixpay.trade_orders[], mixpay.allotment[]
) is
$$Writes down what payments give to lines, and how that is divided among payees and receivers; returns the facts, trade
by trade.

p_trades and p_payments are as they will be stored, p_from_state is the state of the payments before, p_lines are the
live lines of the trades as they were before, and p_allotments stand in the order of the payments, then of the lines.
$$;
