create function mixpay._is_duplicate(
    p_terms mixpay.reconciled_accounts, p_line mixpay.statement_lines
) returns boolean
language plpgsql stable
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_nestloop = on set jit = off
as $_is_duplicate$
declare
    v_channel channels;
begin
    select * into v_channel from channels where channel = p_terms.owner and p_terms.account = 'channel';
    if p_line.channel_txn_no is null then
        return v_channel.channel is not null and exists (
            select from line_matches as m
            where
                m.merchant_id = p_line.merchant_id and m.number = p_line.our_no and m.kind = p_line.kind
                and m.account = p_terms.account and m.owner = p_terms.owner and m.rule <> 'batch'
                and m.theirs = p_line.amount and m.currency = p_line.currency
        );
    end if;
    return exists (
        select from _lines_numbered(p_line.merchant_id, p_line.channel_txn_no) as o
        cross join lateral (
            select * from statements as x where x.merchant_id = p_line.merchant_id and x.statement_no = o.statement_no
            limit 1
        ) as s
        cross join lateral (
            select * from statements as x
            where x.merchant_id = p_line.merchant_id and x.statement_no = p_line.statement_no
            limit 1
        ) as mine
        where
            (o.statement_no, o.line_no, o.part) <> (p_line.statement_no, p_line.line_no, p_line.part)
            and s.account = p_terms.account and s.owner = p_terms.owner and s.reconciled_at is not null
            and s.resolution_no is null
            and o.kind = p_line.kind and o.amount = p_line.amount and o.currency = p_line.currency
            and o.state in ('succeeded', p_line.state)
            and case v_channel.txn_numbers
                when 'unique' then true
                when 'daily' then (o.happened_at at time zone v_channel.day_zone)::date
                    = (p_line.happened_at at time zone v_channel.day_zone)::date
                -- Where numbers say little, only the same line in another statement.
                else o.statement_no <> p_line.statement_no and o.happened_at = p_line.happened_at
                    and o.our_no is not distinct from p_line.our_no
                    and o.description is not distinct from p_line.description
            end
            and (
                o.state <> p_line.state
                or (s.sealed_at, o.statement_no, o.line_no, o.part)
                < (mine.sealed_at, p_line.statement_no, p_line.line_no, p_line.part)
                or exists (
                    select from line_matches as m
                    where
                        m.merchant_id = p_line.merchant_id and m.statement_no = o.statement_no and m.line_no = o.line_no
                        and m.part = o.part
                    offset 0
                )
            )
    );
end;
$_is_duplicate$;

comment on function mixpay._is_duplicate(mixpay.reconciled_accounts, mixpay.statement_lines) is
$$Whether another line of the account says the same: one that is matched, or else an earlier one.
$$;
