create function mixpay._clear_line(
    p_line mixpay.trade_orders, p_paid bigint, p_refunded bigint, p_released bigint
) returns mixpay.clearing
language plpgsql
set search_path = mixpay, pg_temp
as $_clear_line$
declare
    v_in_escrow bigint := p_line.paid - p_line.refunded - p_line.cleared;
    v_clearing clearing;
begin
    if p_line.split_no is not null then
        return _clear_split_line(p_line, p_paid, p_refunded, p_released);
    end if;
    -- What is in escrow goes first.
    v_clearing.cleared := p_released + case
        when p_paid <= 0 then -greatest(0, greatest(0, p_refunded) - p_paid - v_in_escrow)
        when p_line.clears_at_once then p_paid else 0
    end;
    if v_clearing.cleared <> 0 then
        v_clearing.accounts := array['payee'];
        v_clearing.owners := array[p_line.payee_no];
        v_clearing.moves := array[v_clearing.cleared];
    end if;
    return v_clearing;
end;
$_clear_line$;

comment on function mixpay._clear_line(mixpay.trade_orders, bigint, bigint, bigint) is
$$What a change of a line moves between what is in escrow of its order and its payee or receivers.

p_line is the line as it is before. It is paid p_paid more (below zero: un-applied), p_refunded more (below zero: what
was refunded comes back), and p_released of it leaves escrow: by a release, or because payee and receivers had given
back as much of what comes back now. The caller holds the lock of the trade, and writes the line's totals and the facts.
$$;
