create function mixpay._entries_of(
    p_merchant_id text, p_account mixpay.account_name, p_after timestamptz, p_until timestamptz
) returns setof mixpay.postings
language plpgsql stable
set search_path = mixpay, pg_temp
-- As in _moved_of.
set plan_cache_mode = force_generic_plan set max_parallel_workers_per_gather = 0
as $_entries_of$
declare
    v_fold bigint := case when p_after is null then 0 else _fold_at(p_merchant_id, p_after) end;
    v_range journal_range;
    v_trade_nos text[];
begin
    if p_account.owner is not null and p_account.account in ('order', 'surplus', 'refund', 'anomaly') then
        v_trade_nos := case p_account.account
            when 'order' then array(
                select l.trade_no from trade_orders as l
                where l.merchant_id = p_merchant_id and l.order_no = p_account.owner
                order by l.nth
            )
            when 'surplus' then array(
                select p.trade_no from payments as p
                where p.merchant_id = p_merchant_id and p.payment_no = p_account.owner
            )
            when 'refund' then array(
                select distinct (
                    select p.trade_no from payments as p
                    where p.merchant_id = d.merchant_id and p.payment_no = d.payment_no
                )
                from refund_details as d
                where d.merchant_id = p_merchant_id and d.refund_no = p_account.owner
            )
            else array(
                select (
                    select p.trade_no from payments as p
                    where p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
                )
                from channel_refunds as c
                where c.merchant_id = p_merchant_id and c.channel_refund_no = p_account.owner
            )
        end;
        return query
        select p.*
        from unnest(v_trade_nos) as n (trade_no)
        cross join lateral (
            select * from postings as x
            where
                x.merchant_id = p_merchant_id and x.source = 'trade' and x.number = n.trade_no
                and x.account = p_account.account and x.owner = p_account.owner
                and (p_after is null or x.created_at > p_after) and (p_until is null or x.created_at <= p_until)
            offset 0
        ) as p;
        return;
    end if;
    for v_range in select r.* from _journal_ranges(p_merchant_id, v_fold, p_until) as r loop
        if p_account.owner is not null and p_account.account in ('payee', 'receiver', 'fee') then
            return query
            select p.* from postings as p
            where
                p.merchant_id = p_merchant_id and p.account = p_account.account and p.owner = p_account.owner
                and p.account in ('payee', 'receiver', 'fee')
                and (p.epoch, p.xid) >= (v_range.from_epoch, v_range.from_xid)
                and (p.epoch, p.xid) < (v_range.until_epoch, v_range.until_xid)
                and (p_after is null or p.created_at > p_after) and (p_until is null or p.created_at <= p_until);
        else
            return query
            select p.* from postings as p
            where
                p.merchant_id = p_merchant_id and p.account = p_account.account
                and (p_account.owner is null or p.owner = p_account.owner)
                and p.epoch > 0 and (p.epoch, p.xid) >= (v_range.from_epoch, v_range.from_xid)
                and (p.epoch, p.xid) < (v_range.until_epoch, v_range.until_xid)
                and (p_after is null or p.created_at > p_after) and (p_until is null or p.created_at <= p_until);
        end if;
    end loop;
end;
$_entries_of$;

comment on function mixpay._entries_of(text, mixpay.account_name, timestamptz, timestamptz) is
$$The movements of an account that were written after one moment and until another; null: from the first, and until now.
$$;
