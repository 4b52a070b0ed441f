create function mixpay._entries_of(
    p_merchant_id text, p_account mixpay.account_name, p_after timestamptz, p_until timestamptz
) returns setof mixpay.journal
language plpgsql stable
set search_path = mixpay, pg_temp
-- As in _moved_in: from each movement to its trade, one by one.
set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
set jit = off set max_parallel_workers_per_gather = 0
as $_entries_of$
declare
    v_fold bigint := case when p_after is null then 0 else _fold_at(p_merchant_id, p_after) end;
    v_trade_nos text[];
begin
    if p_account.owner is not null and p_account.account in ('payee', 'receiver', 'fee') then
        return query
        select j.*
        from _journal_ranges(p_merchant_id, v_fold, p_until) as r
        cross join lateral (
            select 'trade' as source, f.trade_no as number, f.entry, f.created_at
            from facts as f
            where
                f.merchant_id = p_merchant_id and f.to_owner = p_account.owner and f.to_account = p_account.account
                and (f.epoch, f.xid) >= (r.from_epoch, r.from_xid) and (f.epoch, f.xid) < (r.until_epoch, r.until_xid)
            union all
            select 'trade', f.trade_no, f.entry, f.created_at
            from facts as f
            where
                f.merchant_id = p_merchant_id and f.from_owner = p_account.owner and f.from_account = p_account.account
                and (f.epoch, f.xid) >= (r.from_epoch, r.from_xid) and (f.epoch, f.xid) < (r.until_epoch, r.until_xid)
            union all
            select f.entity, f.number, f.entry, f.created_at
            from settlement_facts as f
            where
                f.merchant_id = p_merchant_id and f.to_owner = p_account.owner and f.to_account = p_account.account
                and (f.epoch, f.xid) >= (r.from_epoch, r.from_xid) and (f.epoch, f.xid) < (r.until_epoch, r.until_xid)
            union all
            select f.entity, f.number, f.entry, f.created_at
            from settlement_facts as f
            where
                f.merchant_id = p_merchant_id and f.from_owner = p_account.owner and f.from_account = p_account.account
                and (f.epoch, f.xid) >= (r.from_epoch, r.from_xid) and (f.epoch, f.xid) < (r.until_epoch, r.until_xid)
        ) as k
        -- Of a view that is a union, a join could read all; what stands behind an offset is looked up one by one.
        cross join lateral (
            select * from journal as x
            where x.merchant_id = p_merchant_id and x.source = k.source and x.number = k.number and x.entry = k.entry
            offset 0
        ) as j
        where (p_after is null or k.created_at > p_after) and (p_until is null or k.created_at <= p_until);
    elsif p_account.owner is not null and p_account.account <> 'channel' then
        v_trade_nos := array(
            select l.trade_no from trade_orders as l
            where p_account.account = 'order' and l.merchant_id = p_merchant_id and l.order_no = p_account.owner
            union
            select p.trade_no from payments as p
            where p_account.account = 'surplus' and p.merchant_id = p_merchant_id and p.payment_no = p_account.owner
            union
            select p.trade_no
            from refund_details as d
            inner join payments as p on p.merchant_id = d.merchant_id and p.payment_no = d.payment_no
            where p_account.account = 'refund' and d.merchant_id = p_merchant_id and d.refund_no = p_account.owner
            union
            select p.trade_no
            from channel_refunds as c
            inner join payments as p on p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
            where
                p_account.account = 'anomaly' and c.merchant_id = p_merchant_id
                and c.channel_refund_no = p_account.owner
        );
        return query
        select j.* from journal as j
        where
            j.merchant_id = p_merchant_id and j.source = 'trade' and j.number = any (v_trade_nos)
            and (
                (j.from_account = p_account.account and j.from_owner = p_account.owner)
                or (j.to_account = p_account.account and j.to_owner = p_account.owner)
            )
            and (p_after is null or j.created_at > p_after) and (p_until is null or j.created_at <= p_until);
    else
        return query
        select j.*
        from _journal_ranges(p_merchant_id, v_fold, p_until) as r
        cross join lateral (
            select * from journal as x
            where
                x.merchant_id = p_merchant_id and p_account.account in (x.from_account, x.to_account)
                and (x.epoch, x.xid) >= (r.from_epoch, r.from_xid) and (x.epoch, x.xid) < (r.until_epoch, r.until_xid)
                and (p_after is null or x.created_at > p_after) and (p_until is null or x.created_at <= p_until)
            offset 0
        ) as j
        where
            p_account.owner is null or (j.from_account = p_account.account and j.from_owner = p_account.owner)
            or (j.to_account = p_account.account and j.to_owner = p_account.owner);
    end if;
end;
$_entries_of$;

comment on function mixpay._entries_of(text, mixpay.account_name, timestamptz, timestamptz) is $$
The movements of an account that were written after one moment and until another; null: from the first, and until now.
$$;
