-- Tells by a warning when a transaction locks what docs/architecture.md puts before what it has locked already. A
-- statement's triggers see what was locked until then; what one statement locks has no order here. There is one session.
create extension pgrowlocks schema public;

-- place: the table's in the order of locks; the last ones are under the trade's lock, whatever their order.
create table public.ranked (name text primary key, place integer, key text, trade text);
insert into public.ranked
values
('orders', 1, 'x.order_no', null),
('trades', 2, 'x.trade_no', null),
('refunds', 3, 'x.refund_no', null),
('splits', 4, 'x.order_no', null),
('order_totals', 5, 'x.order_no', null),
('trade_orders', 6, 'x.trade_no || '' '' || x.order_no', 'x.trade_no'),
('payments', 6, 'x.payment_no', 'x.trade_no'),
(
    'channel_refunds', 6, 'x.channel_refund_no',
    '(select trade_no from mixpay.payments as p where p.merchant_id = x.merchant_id and p.payment_no = x.payment_no)'
);

create unlogged table public.locked (
    transaction xid8, nth bigint, name text, place integer, key text collate "C", trade text collate "C",
    is_new boolean
);

create function public.look_at_locks() returns trigger
language plpgsql security definer
set search_path = public, pg_temp
as $look_at_locks$
declare
    v_xid xid8 := pg_current_xact_id();
    v_nth bigint;
    v_table ranked;
    v_found record;
    v_context text;
begin
    delete from locked where transaction <> v_xid;
    select coalesce(max(nth), 0) + 1 into v_nth from locked;
    for v_table in select * from ranked loop
        -- Written, by this transaction or a part of it; or locked as by "for no key update", and not for a foreign key.
        execute format(
            'insert into locked
            select $1, $2, $3, $4, %s, %s, $5 and age(x.xmin) <= age($1::xid)
            from mixpay.%I as x
            where
                (age(x.xmin) <= age($1::xid) or x.ctid in (
                    select r.locked_row from pgrowlocks(%L) as r
                    where r.modes && array[''For No Key Update'', ''No Key Update'', ''For Update'', ''Update'']
                ))
                and not exists (select from locked as l where l.name = $3 and l.key = %s)',
            v_table.key, coalesce(v_table.trade, 'null'), v_table.name, 'mixpay.' || v_table.name, v_table.key
        ) using v_xid, v_nth, v_table.name, v_table.place, tg_op = 'INSERT' and tg_table_name = v_table.name;
    end loop;
    for v_found in
        select l.name, l.key, format('%s %s', e.name, e.key) as earlier
        from locked as l
        inner join locked as e
            on e.nth < l.nth and not e.is_new and e.place < 6 and (e.place, e.key) > (l.place, l.key)
        where
            l.nth = v_nth and l.place < 6 and not l.is_new
            -- A refund of one trade is under its lock.
            and (l.name <> 'refunds' or (
                select count(distinct p.trade_no)
                from mixpay.refund_details as d
                inner join mixpay.payments as p on p.merchant_id = d.merchant_id and p.payment_no = d.payment_no
                where d.refund_no = l.key
            ) > 1)
        union all
        select l.name, l.key, format('no lock of trade %s', l.trade)
        from locked as l
        where
            l.nth = v_nth and l.place = 6 and not l.is_new
            and not exists (select from locked as t where t.name = 'trades' and t.key = l.trade)
            -- Nobody changes a line that is over and has nothing, but a merge of its order.
            and not exists (
                select from mixpay.trade_orders as o
                inner join locked as t on t.name = 'orders' and t.key = o.order_no
                where
                    l.name = 'trade_orders' and o.trade_no || ' ' || o.order_no = l.key and o.paid = 0 and not o.live
            )
    loop
        get diagnostics v_context = pg_context;
        -- It skips what is locked, so it waits for nobody.
        continue when v_context ~ '_reopen_lines';
        raise warning '% % after %', v_found.name, v_found.key, v_found.earlier using
            errcode = '55P03', detail = v_context;
    end loop;
    return null;
end;
$look_at_locks$;

do $$
declare
    v_name text;
begin
    foreach v_name in array (select array_agg(name) || array['facts', 'refund_details'] from public.ranked) loop
        execute format('create trigger a_look before insert or update on mixpay.%I
            for each statement execute function public.look_at_locks()', v_name);
        execute format('create trigger z_look after insert or update on mixpay.%I
            for each statement execute function public.look_at_locks()', v_name);
    end loop;
end;
$$;
