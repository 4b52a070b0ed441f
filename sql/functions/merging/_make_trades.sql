create function mixpay._make_trades(
    p_merchant_id text, p_allocation text, p_lines mixpay.merge_line[]
) returns mixpay.trade[]
language plpgsql
set search_path = mixpay, pg_temp
as $_make_trades$
declare
    v_at timestamptz := clock_timestamp();
    v_line merge_line;
    v_nth bigint;
    v_trade trade;
    v_trades trade[];
    v_numbers text[];
    v_pay bigint;
    v_facts fact[];
    v_made bigint;
    v_parts text[];
begin
    foreach v_line in array p_lines loop
        if v_line.trade is distinct from v_nth then
            if v_nth is not null then
                v_trades := v_trades || v_trade;
            end if;
            v_nth := v_line.trade;
            -- As it will be stored, so that nobody has to read it again.
            v_trade := row(
                p_merchant_id, coalesce(v_line.trade_no, _new_number(v_at, v_nth)), v_line.currency, 0, 0, 0, 'open',
                p_allocation, v_line.expires_at, 0, 1, null, null, now(), false, v_line.expires_at
            )::trade;
            v_numbers[v_nth] := v_trade.trade_no;
            v_facts := v_facts || row(
                p_merchant_id, 'trade', v_trade.trade_no, 1, 'trade', v_trade.trade_no, '', 'open',
                null, null, null, null, null, v_trade.currency, null, null, null, null, null, null, null, null
            )::fact;
        end if;
        if v_line.currency <> v_trade.currency then
            perform _refuse_wrong_orders(p_merchant_id, p_lines);
        end if;
        -- A share that was left out is what the order's other trades leave of it.
        v_pay := coalesce(v_line.pay, v_line.amount - coalesce(v_line.taken, 0));
        if v_line.pay > v_line.amount - v_line.taken or v_line.pay > v_line.amount or v_pay < 1 then
            raise exception 'order % has not that much left to pay', v_line.order_no using
                errcode = 'MX108',
                detail = format(
                    '%s is asked and %s is unpaid and in no other trade.', v_pay,
                    v_line.amount - coalesce(v_line.taken, 0)
                ),
                hint = 'Leave "pay" out to merge what is left. See mixpay.order_balances.';
        end if;
        if v_trade.amount + v_pay > 1000000000000000 then
            raise exception 'trade % would be too large', v_trade.trade_no using
                errcode = 'MX902',
                detail = format('Its orders'' shares sum to %s.', (
                    select sum(coalesce(l.pay, l.amount - coalesce(l.taken, 0))) from unnest(p_lines) as l
                    where l.trade = v_line.trade
                )),
                hint = 'A trade has at most 10^15 smallest units.';
        end if;
        v_trade.amount := v_trade.amount + v_pay;
        if v_pay < v_line.amount and coalesce(v_line.nth, 1) = 1 then
            v_parts := v_parts || v_line.order_no;
        end if;
    end loop;
    v_trades := v_trades || v_trade;
    insert into trades (merchant_id, trade_no, currency, amount, allocation, expires_at, last_entry)
    select t.merchant_id, t.trade_no, t.currency, t.amount, t.allocation, t.expires_at, t.last_entry
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
    -- Assigned, and not performed: that would be a query of its own.
    v_made := _write_facts(v_facts, null);
    insert into trade_orders (
        merchant_id, trade_no, order_no, position, nth, asked, amount, hold, release_due_at, payee_no, split_no, alone
    )
    select
        p_merchant_id, v_numbers[l.trade::integer], l.order_no, l.position, coalesce(l.nth, 1), l.share,
        l.share, coalesce(l.hold, false), l.release_due_at, l.payee_no, l.split_no,
        coalesce(l.nth, 1) = 1 and l.share = l.amount
    from (
        select x.*, coalesce(x.pay, x.amount - coalesce(x.taken, 0)) as share from unnest(p_lines) as x
    ) as l;
    if v_parts is not null then
        perform _count_orders(p_merchant_id, v_parts);
    end if;
    return v_trades;
end;
$_make_trades$;

comment on function mixpay._make_trades(text, text, mixpay.merge_line[]) is
$$Makes the trades of these lines and returns them; the caller has locked their orders. A trade without a number gets
one.

Raises: MX102; MX105; MX106 if a number was used for something else at the same time; MX108 if an order has less left to
pay than is asked; MX109 if a trade has orders of different currencies; MX110; MX902 if a trade would be too large.
$$;
