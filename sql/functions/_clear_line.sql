create function mixpay._clear_line(
    p_merchant_id text, p_trade_no text, p_order_no text, p_change text, p_amount bigint, p_cleared bigint,
    p_cause mixpay.facts
) returns bigint
language plpgsql
set search_path = mixpay, pg_temp
as $_clear_line$
declare
    v_line trade_orders;
    v_change text := p_change;
    v_cause facts := p_cause;
    v_held bigint;
    v_accounts text[] := '{payee}';
    v_owners text[];
    v_moves bigint[];
    v_division split_division;
    v_cleared bigint;
begin
    select * into v_line from trade_orders
    where merchant_id = p_merchant_id and order_no = p_order_no and trade_no = p_trade_no;
    v_held := v_line.paid - v_line.refunded - v_line.cleared;
    if p_change = 'free' and p_cleared = 0 and v_line.split_no is not null and not v_line.held then
        -- It was refunded before there was a split, and nothing is to be held any more: it is divided as if it came now.
        v_change := 'pay';
        v_cause.entity := 'split';
        v_cause.cause_no := v_line.split_no;
    end if;
    if v_line.split_no is not null then
        v_division := _divide_line(v_line, v_change, p_amount, p_cleared, v_held);
        v_accounts := v_division.accounts;
        v_owners := v_division.owners;
        v_moves := v_division.moves;
        v_cleared := v_division.cleared;
    else
        v_owners := array[v_line.payee_no];
        v_moves := array[case p_change
            when 'pay' then case when v_line.clears_at_once then p_amount else 0 end
            when 'release' then p_amount
            when 'free' then p_cleared
            -- What is held goes first.
            when 'split' then -v_line.cleared
            else -greatest(0, p_amount - v_held)
        end];
        v_cleared := -v_moves[1];
    end if;
    with moved as (
        insert into facts (
            merchant_id, trade_no, entry, entity, payment_no, order_no, refund_no, channel_refund_no, reason,
            happened_at, cause_no, amount, from_account, from_owner, to_account, to_owner
        )
        select
            p_merchant_id, p_trade_no, t.last_entry + row_number() over (order by m.move > 0, m.i), v_cause.entity,
            v_cause.payment_no, p_order_no, v_cause.refund_no, v_cause.channel_refund_no, v_cause.reason,
            coalesce(v_cause.happened_at, now()), v_cause.cause_no, abs(m.move),
            case when m.move > 0 then 'order' else m.account end, case when m.move < 0 then m.owner end,
            case when m.move > 0 then m.account else 'order' end, case when m.move > 0 then m.owner end
        from unnest(v_accounts, v_owners, v_moves) with ordinality as m (account, owner, move, i)
        inner join trades as t on t.merchant_id = p_merchant_id and t.trade_no = p_trade_no
        where m.move <> 0
        returning entry
    )
    update trades set last_entry = (select max(entry) from moved)
    where merchant_id = p_merchant_id and trade_no = p_trade_no and exists (select from moved);
    if found then
        update trade_orders set cleared = cleared + (select sum(m) from unnest(v_moves) as m)
        where merchant_id = p_merchant_id and trade_no = p_trade_no and position = v_line.position;
    end if;
    return v_cleared;
end;
$_clear_line$;

comment on function mixpay._clear_line(text, text, text, text, bigint, bigint, mixpay.facts) is $$
Moves money of one line between what is held of its order and what is its payee's and receivers', as a change of the
line wants it, and returns how much of what is to go back was held no longer.

p_change: pay, p_amount has just been paid of the line; release, it is held no longer; refund and unpay, it is about to
be refunded or un-applied: what is held of the line goes first; free, it was refunded and came back, p_cleared of it from
payee and receivers; split, the line is about to get a split: what was the payee's is held again; redivide, it has got
one: p_amount is divided, and of that the payee may have p_cleared at once.
p_cause bears what the facts are to say of the cause. The caller holds the lock of the trade.
$$;
