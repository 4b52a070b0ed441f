create function mixpay._make_trades(
    p_merchant mixpay.merchants, p_lines mixpay.merge_line[], p_trade_nos text[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_make_trades$
declare
    v_lines merge_line[];
    v_wrong record;
    v_made bigint;
begin
    -- A share that was left out is what the order's other trades leave of it.
    v_lines := array(
        select row(
            l.trade, p_trade_nos[l.trade], l.expires_at, l.position, l.order_no,
            l.amount - h.held, l.currency, l.payee_no, coalesce(l.pay, l.amount - h.held),
            coalesce(l.held, false), l.release_due_at
        )::merge_line
        from unnest(p_lines) as l
        cross join lateral _held_of_order(p_merchant.merchant_id, l.order_no, null) as h (held)
    );
    select l.order_no, l.amount as unpaid, l.pay into v_wrong
    from unnest(v_lines) as l
    where l.pay > l.amount or l.pay < 1
    order by l.trade, l.position
    limit 1;
    if found then
        raise exception 'order % has not that much left to pay', v_wrong.order_no using
            errcode = 'MX108',
            detail = format('%s is asked and %s is unpaid and in no other trade.', v_wrong.pay, v_wrong.unpaid),
            hint = 'Leave "pay" out to merge what is left. See mixpay.order_balances.';
    end if;
    select l.trade_no, sum(l.pay) as amount into v_wrong
    from unnest(v_lines) as l
    group by l.trade_no having sum(l.pay) > 1000000000000000 limit 1;
    if found then
        raise exception 'trade % would be too large', v_wrong.trade_no using
            errcode = 'MX902',
            detail = format('Its orders'' shares sum to %s.', v_wrong.amount),
            hint = 'A trade has at most 10^15 smallest units.';
    end if;
    with made as (
        insert into trades (merchant_id, trade_no, currency, amount, allocation, expires_at, last_entry)
        select
            p_merchant.merchant_id, l.trade_no, min(l.currency), sum(l.pay), p_merchant.allocation, min(l.expires_at), 1
        from unnest(v_lines) as l
        group by l.trade_no
        order by l.trade_no collate "C"
        on conflict do nothing
        returning trade_no
    )
    insert into facts (merchant_id, trade_no, entry, entity, from_state, to_state, happened_at)
    select p_merchant.merchant_id, trade_no, 1, 'trade', '', 'open', now() from made;
    get diagnostics v_made = row_count;
    if v_made <> (select count(distinct l.trade) from unnest(v_lines) as l) then
        raise exception 'a trade number was used for something else at the same time' using
            errcode = 'MX106',
            detail = format('%s trades were to be made and %s were.', cardinality(p_trade_nos), v_made),
            hint = 'A repeated number must come with the same orders, amounts, currencies, payees and shares.';
    end if;
    insert into trade_orders (
        merchant_id, trade_no, order_no, position, nth, asked, amount, held, release_due_at, payee_no, split_no
    )
    select
        p_merchant.merchant_id, l.trade_no, l.order_no, l.position, o.merge_count, l.pay, l.pay, l.held, l.release_due_at,
        o.payee_no, s.split_no
    from unnest(v_lines) as l
    cross join lateral (
        select merge_count, payee_no from orders
        where merchant_id = p_merchant.merchant_id and order_no = l.order_no limit 1
    ) as o
    left join lateral (
        select split_no from splits
        where merchant_id = p_merchant.merchant_id and order_no = l.order_no limit 1
    ) as s on true;
end;
$_make_trades$;

comment on function mixpay._make_trades(mixpay.merchants, mixpay.merge_line[], text[]) is $$
Makes the trades of these lines, numbered by p_trade_nos; the caller has locked their orders.

Raises: MX106 if a number was used for something else at the same time; MX108 if an order has less left to pay than is
asked; MX902 if a trade would be too large.
$$;
