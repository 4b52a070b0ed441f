create function mixpay._check_merge_lines(p_lines mixpay.merge_line[], p_are_unusual boolean) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_merge_lines$
declare
    v_name text;
    v_line merge_line;
    v_twice record;
begin
    -- Only what looks wrong is asked one by one what it is.
    for v_line in
        select l.* from unnest(p_lines) as l
        where
            p_are_unusual and (
                length(coalesce(l.trade_no, '-')) not between 1 and 64 or l.trade_no ~ '[^!-~]'
                or length(coalesce(l.order_no, '')) not between 1 and 64 or l.order_no ~ '[^!-~]'
                or coalesce(l.amount, 0) not between 1 and 1000000000000000
                or l.pay not between 1 and 1000000000000000
            )
        order by l.trade, l.position
    loop
        v_name := format('trade %s', v_line.trade);
        if v_line.trade_no is not null then
            perform _check_number(v_name || ': trade_no', v_line.trade_no);
        end if;
        v_name := format('%s, order %s', v_name, v_line.position);
        perform _check_number(v_name || ': order_no', v_line.order_no);
        perform _check_amount(v_name || ': amount', v_line.amount);
        if v_line.pay is not null then
            perform _check_amount(v_name || ': pay', v_line.pay);
        end if;
    end loop;
    select n.kind, n.number, count(*) as times into v_twice
    from (
        select 'order' as kind, l.order_no as number from unnest(p_lines) as l
        union all
        select 'trade', l.trade_no from unnest(p_lines) as l where l.trade_no is not null group by l.trade, l.trade_no
    ) as n
    group by n.kind, n.number having count(*) > 1
    order by n.kind
    limit 1;
    if found then
        raise exception '% % is named twice', v_twice.kind, v_twice.number using
            errcode = 'MX904',
            detail = format('It is named %s times in one call.', v_twice.times),
            hint = format('Name each %s once.', v_twice.kind);
    end if;
end;
$_check_merge_lines$;

comment on function mixpay._check_merge_lines(mixpay.merge_line[], boolean) is
$$Refuses lines of a merge with numbers or amounts out of bounds, and an order or a trade that is named twice. The
bounds are looked at only if p_are_unusual.

Raises: MX901; MX902; MX904.
$$;
