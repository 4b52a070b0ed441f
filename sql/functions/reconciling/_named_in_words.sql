create function mixpay._named_in_words(
    p_terms mixpay.reconciled_accounts, p_line mixpay.statement_lines, p_from timestamptz, p_until timestamptz
) returns setof mixpay.own_item
language plpgsql stable
set search_path = mixpay, pg_temp set enable_seqscan = off set jit = off
as $_named_in_words$
begin
    return query
    select i.*
    from (
        select distinct w.word from regexp_split_to_table(p_line.description, '[^0-9A-Za-z._-]+') as w (word)
        where length(w.word) between 4 and 64
    ) as w
    cross join unnest(
        case
            when p_line.amount >= 0 then array['payout', 'repayment', 'settlement_reversal']
            else array['payout_reversal', 'settlement']
        end
    ) as k (kind)
    cross join lateral _own_item(p_terms.merchant_id, p_terms.account, p_terms.owner, k.kind, w.word) as i
    where
        i.number is not null and i.currency = p_line.currency and i.happened_at >= p_from and i.happened_at < p_until
        and _is_unmatched(p_terms, i.kind, i.number);
end;
$_named_in_words$;

comment on function mixpay._named_in_words(
    mixpay.reconciled_accounts, mixpay.statement_lines, timestamptz, timestamptz
) is
$$What of ours a bank's line names in words, happened from p_from and before p_until, and is in no match.
$$;
