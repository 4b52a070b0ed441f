create function mixpay._refuse_wrong_orders(p_merchant_id text, p_lines mixpay.merge_line[]) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refuse_wrong_orders$
declare
    v_wrong record;
begin
    select l.order_no, l.payee_no into v_wrong
    from unnest(p_lines) as l
    where
        l.payee_no is not null
        and not exists (
            select from payees as p where p.merchant_id = p_merchant_id and p.payee_no = l.payee_no
            offset 0
        )
    order by l.trade, l.position
    limit 1;
    if found then
        raise exception 'there is no payee %', _shown(v_wrong.payee_no) using
            errcode = 'MX102',
            detail = format('Order %s names it.', v_wrong.order_no),
            hint = 'Register it with register_payee.';
    end if;
    select l.order_no, l.currency into v_wrong
    from unnest(p_lines) as l
    where not exists (select from currencies as c where c.currency = l.currency)
    order by l.trade, l.position
    limit 1;
    if found then
        raise exception 'there is no currency %', _shown(coalesce(v_wrong.currency, '(null)')) using
            errcode = 'MX110',
            detail = format('Order %s names it; mixpay.currencies has %s codes, and not this one.',
                v_wrong.order_no, (select count(*) from currencies)),
            hint = 'Name a code of ISO 4217, in upper case.';
    end if;
    select l.trade, min(l.currency) as one, max(l.currency) as another into v_wrong
    from unnest(p_lines) as l
    group by l.trade
    having min(l.currency) <> max(l.currency)
    order by l.trade
    limit 1;
    if found then
        raise exception 'orders of different currencies cannot be merged' using
            errcode = 'MX109',
            detail = format('Trade %s of the call has %s and %s.', v_wrong.trade, v_wrong.one, v_wrong.another),
            hint = 'Merge the orders of each currency by themselves.';
    end if;
    select
        o.order_no,
        format('%s %s for payee %s', o.amount, o.currency, coalesce(o.payee_no, '(none)')) as was,
        format('%s %s for payee %s', l.amount, l.currency, coalesce(l.payee_no, '(none)')) as sent
    into v_wrong
    from unnest(p_lines) as l
    cross join lateral (
        select * from orders as x where x.merchant_id = p_merchant_id and x.order_no = l.order_no limit 1
    ) as o
    where o.amount <> l.amount or o.currency <> l.currency or not coalesce(o.payee_no = l.payee_no, l.payee_no is null)
    order by l.trade, l.position
    limit 1;
    if found then
        raise exception 'order % is not what is known of it', v_wrong.order_no using
            errcode = 'MX105',
            detail = format('It is known as %s, and now it is %s.', v_wrong.was, v_wrong.sent),
            hint = 'What it costs changes by reprice_order; its currency and payee never change.';
    end if;
end;
$_refuse_wrong_orders$;

comment on function mixpay._refuse_wrong_orders(text, mixpay.merge_line[]) is
$$Refuses the first of these orders that cannot be stored, and says why; if none is wrong, it does nothing.

Raises: MX102 if there is no such payee; MX105 if a known order has another amount, currency or payee; MX109 if a trade
has orders of different currencies; MX110 if there is no such currency.
$$;
