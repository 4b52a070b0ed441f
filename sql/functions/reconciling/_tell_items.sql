create function mixpay._tell_items(p_terms mixpay.reconciled_accounts, p_horizon timestamptz) returns void
language plpgsql
set search_path = mixpay, pg_temp
set enable_nestloop = on set enable_hashjoin = off set jit = off
as $_tell_items$
begin
    update unmatched_items as u
    set result = n.result, ours = n.ours, run = p_terms.last_run
    from (
        select
            x.ctid as place,
            -- More of a chargeback may have come back since.
            coalesce(
                case when x.kind = 'chargeback_reversal' and x.resolution_no is null then (
                    select c.reversed::bigint from chargebacks as c
                    where c.merchant_id = x.merchant_id and c.chargeback_no = x.number
                ) end,
                x.ours
            ) as ours,
            case
                when exists (
                    select from line_matches as m
                    where
                        m.merchant_id = x.merchant_id and m.number = x.number and m.kind = x.kind
                        and m.account = x.account and m.owner = x.owner and m.rule <> 'batch'
                    union all
                    select from line_matches as m
                    where
                        m.merchant_id = x.merchant_id and m.number = x.number and m.kind = x.kind
                        and m.account = x.account and m.owner = x.owner and m.rule = 'batch'
                    offset 0
                ) then 'matched'
                -- A fee that the line of its payment or chargeback names has no line of its own.
                when x.kind in ('fee', 'chargeback_fee') and x.resolution_no is null and exists (
                    select from line_matches as m
                    where
                        m.merchant_id = x.merchant_id and m.number = case x.kind
                            when 'fee' then (
                                select f.payment_no from channel_fees as f
                                where f.merchant_id = x.merchant_id and f.fee_no = x.number
                            )
                            else x.number
                        end
                        and m.kind = case x.kind when 'fee' then 'payment' else 'chargeback' end
                        and m.account = x.account and m.owner = x.owner and m.rule <> 'batch'
                        and m.fee_theirs is not null
                    offset 0
                ) then 'matched'
                when x.result = 'expected' and x.happened_at + p_terms.lag <= p_horizon then 'missing_there'
                else x.result
            end as result
        from (
            -- In the order of the index of what is open.
            select i.*, i.ctid from unmatched_items as i
            where
                i.merchant_id = p_terms.merchant_id and i.account = p_terms.account and i.owner = p_terms.owner
                and i.result <> 'matched'
            order by i.happened_at
            offset 0
        ) as x
    ) as n
    where
        u.ctid = n.place and (u.result, u.ours) <> (n.result, n.ours);
end;
$_tell_items$;

comment on function mixpay._tell_items(mixpay.reconciled_accounts, timestamptz) is
$$Says of what of ours has no line what it is by now: statements of the account reach to p_horizon.
$$;
