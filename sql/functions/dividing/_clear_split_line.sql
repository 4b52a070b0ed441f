create function mixpay._clear_split_line(
    p_line mixpay.trade_orders, p_paid bigint, p_refunded bigint, p_released bigint
) returns mixpay.clearing
language plpgsql
set search_path = mixpay, pg_temp
as $_clear_split_line$
declare
    v_in_escrow bigint := p_line.paid - p_line.refunded - p_line.cleared;
    v_at_payment boolean;
    v_divided bigint;
    v_given bigint;
    v_back bigint;
    v_taken bigint;
    v_was split_standing;
    v_is split_standing;
begin
    select takes_place = 'payment', divided into v_at_payment, v_divided from splits
    where merchant_id = p_line.merchant_id and split_no = p_line.split_no;
    -- At release, what is in escrow is outside of the split; at payment it is of the payee's share.
    if v_at_payment then
        v_given := p_paid;
        v_back := p_refunded;
    else
        v_given := case
            when p_paid < 0 then -greatest(0, -p_paid - v_in_escrow) when p_line.hold then 0 else p_paid
        end + case when p_refunded = 0 then p_released else 0 end;
        v_back := case
            when p_refunded > 0 then greatest(0, p_refunded - v_in_escrow) when p_refunded < 0 then -p_released else 0
        end;
    end if;
    if v_back < 0 then
        -- What was refunded before there was a split comes in for the first time.
        select least(-v_back, coalesce(sum(taken_back), 0)) into v_taken from split_shares
        where merchant_id = p_line.merchant_id and split_no = p_line.split_no and trade_no = p_line.trade_no;
        v_given := v_given - v_back - v_taken;
        v_back := -v_taken;
    end if;
    if v_given <> 0 then
        -- The update is the lock: another trade of the order waits here, then sees what this one was given.
        update splits set divided = divided + v_given
        where merchant_id = p_line.merchant_id and split_no = p_line.split_no
        returning divided into v_divided;
    end if;
    v_was := (_split_standings(array[p_line]))[1];
    v_is := _divide_shares(v_was, v_divided, v_given, v_back);
    insert into split_shares (merchant_id, trade_no, split_no, position, amount, taken_back)
    select p_line.merchant_id, p_line.trade_no, p_line.split_no, u.i, u.amount, u.taken_back
    from unnest(v_is.amounts, v_is.taken_back, v_was.amounts) with ordinality as u (amount, taken_back, was, i)
    where u.amount > 0 or u.was > 0
    on conflict (merchant_id, split_no, position, trade_no) do update
    set amount = excluded.amount, taken_back = excluded.taken_back;
    return _split_clearing(p_line, v_was, v_is, p_refunded, p_released);
end;
$_clear_split_line$;

comment on function mixpay._clear_split_line(mixpay.trade_orders, bigint, bigint, bigint) is
$$Does for a line that is split what _clear_line does for any: divides the change among the receivers, and writes down
how they stand.

Locks: the split, if more or less of the order is divided than before.
$$;
