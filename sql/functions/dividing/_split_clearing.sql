create function mixpay._split_clearing(
    p_line mixpay.trade_orders, p_was mixpay.split_standing, p_is mixpay.split_standing, p_refunded bigint,
    p_released bigint
) returns mixpay.clearing
language plpgsql stable
set search_path = mixpay, pg_temp
as $_split_clearing$
declare
    v_in_escrow bigint := p_line.paid - p_line.refunded - p_line.cleared;
    v_had bigint[] := _share_balances(p_was);
    v_moves bigint[] := _share_balances(p_is);
    v_move bigint;
    v_stays bigint;
    v_owed bigint := 0;
    v_cleared bigint := 0;
    v_clearing clearing;
begin
    for i in 1 .. cardinality(v_moves) loop
        v_moves[i] := v_moves[i] - v_had[i];
        v_cleared := v_cleared + v_moves[i];
    end loop;
    if p_was.at_payment and p_was.home is not null then
        -- The payee's part of the change: of an order on hold it stays in escrow, and what is there goes back first.
        -- What comes back is first what refunds took of what he had got. Never is more in escrow than is left of his
        -- share: of one that he keeps, what is refunded is his at once.
        v_move := v_moves[p_was.home];
        if p_refunded < 0 and p_line.hold then
            select least(
                coalesce(sum(case f.from_account when 'payee' then f.amount else -f.amount end), 0), greatest(0, v_move)
            ) into v_owed
            from facts as f
            where
                f.merchant_id = p_line.merchant_id and f.log = 'trade' and f.log_no = p_line.trade_no
                and f.order_no = p_line.order_no and f.entity = 'refund' and (
                    (f.from_account = 'payee' and f.from_owner = p_line.payee_no)
                    or (f.to_account = 'payee' and f.to_owner = p_line.payee_no)
                );
        elsif p_refunded = 0 then
            v_owed := p_released;
        end if;
        v_stays := case when p_line.hold then greatest(0, least(
            p_is.amounts[p_was.home] - p_is.taken_back[p_was.home], v_in_escrow + v_move - v_owed
        )) else 0 end;
        v_moves[p_was.home] := v_move - (v_stays - v_in_escrow);
        v_cleared := v_cleared - (v_stays - v_in_escrow);
    end if;
    v_clearing.accounts := p_was.accounts;
    v_clearing.owners := p_was.owners;
    v_clearing.moves := v_moves;
    v_clearing.cleared := v_cleared;
    return v_clearing;
end;
$_split_clearing$;

comment on function mixpay._split_clearing(
    mixpay.trade_orders, mixpay.split_standing, mixpay.split_standing, bigint, bigint
) is
$$What moves between what is in escrow of a line and the receivers of its split, who stood as p_was says and now stand
as p_is says, because p_refunded more of the line is refunded and p_released of it leaves escrow, or because it is paid.

p_line is the line as it is before; all are in the smallest unit.
$$;
