create function mixpay._items_named(
    p_terms mixpay.reconciled_accounts, p_line mixpay.statement_lines
) returns setof mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_items_named$
declare
    v_channel channels;
    v_kinds text[] := case
        when p_terms.account = 'bank' and p_line.amount >= 0 then array['payout', 'repayment', 'settlement_reversal']
        when p_terms.account = 'bank' then array['payout_reversal', 'settlement']
        when p_line.kind = 'fee' then array['chargeback_fee', 'fee']
        else array[p_line.kind::text]
    end;
    v_named text := coalesce(
        p_line.our_no, case when p_terms.account = 'bank' or p_line.kind = 'payout' then p_line.batch_no end
    );
begin
    select * into v_channel from channels where channel = p_terms.owner and p_terms.account = 'channel';
    return query
    select i.*
    from (
        select unnest(v_kinds) as kind, v_named as number, null as key
        union
        select k.kind, p_line.channel_txn_no, null from unnest(v_kinds) as k (kind)
        where k.kind not in ('payment', 'refund', 'refund_reversal')
        union
        -- A payout that was compared with the batch before its line came.
        select u.kind, u.number, null from unmatched_items as u
        where
            p_line.kind = 'payout' and u.merchant_id = p_terms.merchant_id and u.account = p_terms.account
            and u.owner = p_terms.owner and u.kind = 'payout' and u.batch_no = p_line.batch_no
        union
        select 'payment', p.payment_no, null
        from _paid_by(
            p_terms.merchant_id, p_terms.owner, p_line.channel_txn_no, _txn_day(p_terms.owner, p_line.happened_at)
        ) as p
        where p_line.kind = 'payment' and p_terms.account = 'channel'
        union
        -- A channel names what it sent more than once by one number.
        select
            p_line.kind, t.number, case
                when t.channel_refund_no is distinct from v_named then _channel_key(
                    p_line.channel_txn_no, v_channel.txn_numbers, v_channel.day_zone, p_line.happened_at,
                    p_line.amount
                )
            end
        from _transfers_named(p_terms.merchant_id, v_named, p_line.channel_txn_no) as t
        where p_line.kind in ('refund', 'refund_reversal') and p_terms.account = 'channel'
    ) as n
    cross join lateral _own_item(p_terms.merchant_id, p_terms.account, p_terms.owner, n.kind, n.number) as i
    where
        n.number is not null and i.number is not null
        -- Where a number is another one's on another day, both are compared.
        and (n.key is null or n.key = i.channel_key)
        and not _is_of_a_batch(p_terms, i.kind, i.number) and not _is_spoken_for(p_terms, i.kind, i.number)
        -- A bank may pay one batch in several lines.
        and (p_line.our_no is not null or p_terms.account = 'channel' or i.amount = p_line.amount);
end;
$_items_named$;

comment on function mixpay._items_named(mixpay.reconciled_accounts, mixpay.statement_lines) is
$$What of ours a line names by number, whenever it happened, and also while it has not.
$$;
