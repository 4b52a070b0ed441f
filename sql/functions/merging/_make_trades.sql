create function mixpay._make_trades(
    p_merchant mixpay.merchants, p_lines mixpay.merge_line[], p_trade_nos text[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_make_trades$
declare
    v_line merge_line;
    v_lines merge_line[] := array[]::merge_line[];
    v_trade trades;
    v_trades trades[] := array[]::trades[];
    v_unpaid bigint;
    v_fact facts;
    v_facts facts[] := array[]::facts[];
    v_made bigint;
    v_parts text[] := array[]::text[];
begin
    v_trade.merchant_id := p_merchant.merchant_id;
    v_trade.allocation := p_merchant.allocation;
    v_trade.amount := 0;
    foreach v_line in array p_lines loop
        v_line.trade_no := p_trade_nos[v_line.trade];
        if v_line.trade_no is distinct from v_trade.trade_no then
            if v_trade.trade_no is not null then
                v_trades := v_trades || v_trade;
            end if;
            v_trade.trade_no := v_line.trade_no;
            v_trade.currency := v_line.currency;
            v_trade.expires_at := v_line.expires_at;
            v_trade.amount := 0;
            v_fact := _fact(v_trade, 'trade', v_line.trade_no, '', 'open');
            v_fact.entry := 1;
            v_facts := v_facts || v_fact;
        end if;
        if v_line.currency <> v_trade.currency then
            perform _refuse_wrong_orders(p_merchant.merchant_id, p_lines);
        end if;
        -- A share that was left out is what the order's other trades leave of it.
        v_unpaid := v_line.amount - coalesce(v_line.taken, 0);
        v_line.pay := coalesce(v_line.pay, v_unpaid);
        if v_line.pay > v_unpaid or v_line.pay < 1 then
            raise exception 'order % has not that much left to pay', v_line.order_no using
                errcode = 'MX108',
                detail = format('%s is asked and %s is unpaid and in no other trade.', v_line.pay, v_unpaid),
                hint = 'Leave "pay" out to merge what is left. See mixpay.order_balances.';
        end if;
        if v_trade.amount + v_line.pay > 1000000000000000 then
            raise exception 'trade % would be too large', v_line.trade_no using
                errcode = 'MX902',
                detail = format('Its orders'' shares sum to %s.', (
                    select sum(coalesce(l.pay, l.amount - coalesce(l.taken, 0))) from unnest(p_lines) as l
                    where l.trade = v_line.trade
                )),
                hint = 'A trade has at most 10^15 smallest units.';
        end if;
        v_trade.amount := v_trade.amount + v_line.pay;
        if v_line.pay < v_line.amount and coalesce(v_line.nth, 1) = 1 then
            v_parts := v_parts || v_line.order_no;
        end if;
        v_lines := v_lines || v_line;
    end loop;
    v_trades := v_trades || v_trade;
    insert into trades (merchant_id, trade_no, currency, amount, allocation, expires_at, last_entry)
    select t.merchant_id, t.trade_no, t.currency, t.amount, t.allocation, t.expires_at, 1
    from unnest(v_trades) as t
    order by t.trade_no
    on conflict do nothing;
    get diagnostics v_made = row_count;
    if v_made < cardinality(v_trades) then
        raise exception 'a trade number was used for something else at the same time' using
            errcode = 'MX106',
            detail = format('%s trades were to be made and %s were.', cardinality(v_trades), v_made),
            hint = 'A repeated number must come with the same orders, amounts, currencies, payees and shares.';
    end if;
    perform _write_facts(v_facts, null);
    insert into trade_orders (
        merchant_id, trade_no, order_no, position, nth, asked, amount, hold, release_due_at, payee_no, split_no, alone
    )
    select
        p_merchant.merchant_id, l.trade_no, l.order_no, l.position, coalesce(l.nth, 1), l.pay, l.pay,
        coalesce(l.hold, false), l.release_due_at, l.payee_no, l.split_no, coalesce(l.nth, 1) = 1 and l.pay = l.amount
    from unnest(v_lines) as l;
    if v_parts <> '{}' then
        perform _count_orders(p_merchant.merchant_id, v_parts);
    end if;
end;
$_make_trades$;

comment on function mixpay._make_trades(mixpay.merchants, mixpay.merge_line[], text[]) is $$
Makes the trades of these lines, numbered by p_trade_nos; the caller has locked their orders.

Raises: MX102; MX105; MX106 if a number was used for something else at the same time; MX108 if an order has less left to
pay than is asked; MX109 if a trade has orders of different currencies; MX110; MX902 if a trade would be too large.
$$;
