create function mixpay._divide_line(
    p_line mixpay.trade_orders, p_change text, p_amount bigint, p_cleared bigint, p_held bigint
) returns mixpay.split_division
language plpgsql
set search_path = mixpay, pg_temp
as $_divide_line$
declare
    v_division split_division;
    v_split splits;
    v_share record;
    v_kinds text[];
    v_fixed bigint[];
    v_rates bigint[];
    v_kept boolean[];
    v_amounts bigint[];
    v_taken bigint[];
    v_others bigint[];
    v_rest bigint;
    v_home bigint;
    v_at_payment boolean;
    v_had bigint[];
    v_has bigint[];
    v_back bigint[];
    v_back_sum bigint;
    v_given bigint := 0;
    v_left bigint;
    v_held bigint := p_held;
    v_stays bigint;
    v_owed bigint;
begin
    -- At release, what is held is outside of the split; at payment it is of the payee's share.
    select takes_place = 'payment' into v_at_payment from splits
    where merchant_id = p_line.merchant_id and split_no = p_line.split_no;
    case
        when p_change = 'pay' then
            v_held := p_held - p_amount;
            v_given := case when v_at_payment or not p_line.held then p_amount else 0 end;
        when p_change = 'release' then v_given := case when v_at_payment then 0 else p_amount end;
        when p_change = 'free' then
            v_held := p_held - p_amount;
            v_back_sum := case when v_at_payment then p_amount else p_cleared end;
            -- What was refunded before there was a split comes in for the first time.
            v_given := greatest(0, v_back_sum - (
                select coalesce(sum(taken_back), 0) from split_shares
                where
                    merchant_id = p_line.merchant_id and split_no = p_line.split_no and trade_no = p_line.trade_no
            ));
        when p_change = 'unpay' then
            v_given := case when v_at_payment then -p_amount else -greatest(0, p_amount - p_held) end;
        when p_change = 'redivide' then
            v_held := 0;
            v_given := p_amount;
        else null;
    end case;
    if v_given <> 0 then
        -- The update is the lock: another trade of the order waits here, then sees what this one was given.
        update splits set divided = divided + v_given
        where merchant_id = p_line.merchant_id and split_no = p_line.split_no;
    end if;
    select * into v_split from splits where merchant_id = p_line.merchant_id and split_no = p_line.split_no;
    select
        array_agg(r.kind order by r.position), array_agg(r.receiver order by r.position),
        array_agg(r.fixed order by r.position), array_agg(r.rate order by r.position),
        array_agg(r.kept_on_refund order by r.position), array_agg(coalesce(s.amount, 0) order by r.position),
        array_agg(coalesce(s.taken_back, 0) order by r.position), array_agg(coalesce(o.amount, 0) order by r.position),
        min(r.position) filter (where r.takes_remainder),
        min(r.position) filter (where r.kind = 'payee' and r.receiver = p_line.payee_no)
    into v_kinds, v_division.owners, v_fixed, v_rates, v_kept, v_amounts, v_taken, v_others, v_rest, v_home
    from split_receivers as r
    left join split_shares as s
        on
            s.merchant_id = r.merchant_id and s.split_no = r.split_no and s.position = r.position
            and s.trade_no = p_line.trade_no
    cross join lateral (
        select sum(x.amount)::bigint as amount from split_shares as x
        where
            x.merchant_id = r.merchant_id and x.split_no = r.split_no and x.position = r.position
            and x.trade_no <> p_line.trade_no
    ) as o
    where r.merchant_id = p_line.merchant_id and r.split_no = p_line.split_no;
    v_division.accounts := array(
        select case when k in ('payee', 'receiver') then k else 'fee' end
        from unnest(v_kinds) with ordinality as u (k, i) order by u.i
    );
    v_had := _share_balances(v_amounts, v_taken, v_kept, v_rest);
    if p_change = 'refund' then
        v_back := _apportion(
            case when v_at_payment then p_amount else greatest(0, p_amount - p_held) end,
            array(select a - t from unnest(v_amounts, v_taken) with ordinality as u (a, t, i) order by u.i)
        );
        v_taken := array(select t + b from unnest(v_taken, v_back) with ordinality as u (t, b, i) order by u.i);
    elsif p_change = 'free' then
        v_back := _apportion(v_back_sum - v_given, v_taken);
        v_taken := array(select t - b from unnest(v_taken, v_back) with ordinality as u (t, b, i) order by u.i);
    end if;
    if v_given <> 0 then
        -- Each in turn what its rate gives it of all that was divided, over all trades of the order; the rest is left.
        v_left := v_given + (select sum(a - t) from unnest(v_amounts, v_taken) as u (a, t));
        for i in 1 .. cardinality(v_amounts) loop
            continue when i = v_rest;
            v_amounts[i] := v_taken[i] + least(v_left, greatest(
                0, v_fixed[i] + div(v_split.divided::numeric * v_rates[i], 10000)::bigint - v_others[i] - v_taken[i]
            ));
            v_left := v_left - (v_amounts[i] - v_taken[i]);
        end loop;
        v_amounts[v_rest] := v_taken[v_rest] + v_left;
    end if;
    v_has := _share_balances(v_amounts, v_taken, v_kept, v_rest);
    v_division.moves := array(
        select has - had from unnest(v_has, v_had) with ordinality as u (has, had, i) order by u.i
    );
    if v_at_payment and v_home is not null then
        -- The payee's part of the change: of a held order it stays held, and what is held goes back first. What comes back
        -- is first what refunds took of what he had got. Never is more held than is left of his share: of one that he
        -- keeps, what is refunded is his at once.
        v_left := v_division.moves[v_home];
        if p_change = 'free' and p_line.held then
            select coalesce(sum(case when f.from_account = 'payee' then f.amount else -f.amount end), 0) into v_owed
            from facts as f
            where
                f.merchant_id = p_line.merchant_id and f.trade_no = p_line.trade_no and f.order_no = p_line.order_no
                and f.entity = 'refund' and 'payee' in (f.from_account, f.to_account)
                and p_line.payee_no in (f.from_owner, f.to_owner);
        end if;
        v_stays := case when p_line.held then greatest(0, least(v_amounts[v_home] - v_taken[v_home], case p_change
            when 'release' then v_held - p_amount
            when 'free' then v_held + v_left - least(v_owed, greatest(0, v_left))
            when 'redivide' then v_left - p_cleared
            else v_held + v_left
        end)) else 0 end;
        v_division.moves[v_home] := v_left - (v_stays - v_held);
    end if;
    insert into split_shares (merchant_id, trade_no, split_no, position, amount, taken_back)
    select p_line.merchant_id, p_line.trade_no, p_line.split_no, u.i, u.amount, u.taken_back
    from unnest(v_amounts, v_taken) with ordinality as u (amount, taken_back, i)
    where u.amount > 0 or exists (
        select from split_shares as s
        where
            s.merchant_id = p_line.merchant_id and s.split_no = p_line.split_no and s.position = u.i
            and s.trade_no = p_line.trade_no
    )
    on conflict (merchant_id, split_no, position, trade_no) do update
    set amount = excluded.amount, taken_back = excluded.taken_back;
    v_division.cleared := -(select sum(m) from unnest(v_division.moves) as m);
    return v_division;
end;
$_divide_line$;

comment on function mixpay._divide_line(mixpay.trade_orders, text, bigint, bigint, bigint) is $$
Divides a change of a line among the receivers of its split: what each account gets, or gives back (below zero).

p_change, p_amount and p_cleared are those of _clear_line; redivide gives p_amount for the first time, of which the payee
may have p_cleared at once. p_held is what is held of the line by its totals as they are. What is given follows from
fixed amounts and rates, in their order, and the rest; what is refunded is taken back in proportion, by largest
remainder.
$$;
