create function mixpay._post_all(p_trades mixpay.trades[], p_facts mixpay.fact[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_post_all$
declare
    v_nth bigint := 1;
    v_trade trades := p_trades[1];
    v_trades trades[] := array[]::trades[];
    v_fact fact;
    v_facts fact[] := array[]::fact[];
begin
    foreach v_fact in array p_facts loop
        while v_trade.trade_no <> v_fact.log_no loop
            v_trades := v_trades || v_trade;
            v_nth := v_nth + 1;
            v_trade := p_trades[v_nth];
        end loop;
        v_trade.last_entry := v_trade.last_entry + 1;
        v_fact.entry := v_trade.last_entry;
        v_facts := v_facts || v_fact;
    end loop;
    v_trades := v_trades || v_trade;
    perform _write_facts(v_facts, null);
    update trades as t
    set
        amount = p.amount, paid = p.paid, refunded = p.refunded, state = p.state, keeps_paid = p.keeps_paid,
        last_seq = p.last_seq, last_entry = p.last_entry, fifo_paid_at = p.fifo_paid_at, fifo_seq = p.fifo_seq
    from unnest(v_trades) as p
    cross join lateral (
        select x.ctid as place from trades as x
        where x.merchant_id = p.merchant_id and x.trade_no = p.trade_no
        offset 0
    ) as x
    where t.ctid = x.place;
end;
$_post_all$;

comment on function mixpay._post_all(mixpay.trades[], mixpay.fact[]) is
$$Does for many trades what _post does for one. The facts stand trade by trade, in the order of the trades.
$$;
