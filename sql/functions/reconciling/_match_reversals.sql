create function mixpay._match_reversals(p_terms mixpay.reconciled_accounts) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_match_reversals$
declare
    v_back record;
begin
    for v_back in
        select n.number, l.currency, array_agg(l order by l.happened_at, l.statement_no, l.line_no, l.part) as lines
        from _open_lines(p_terms) as l
        cross join lateral (
            select c.chargeback_no::text as number from chargebacks as c
            where
                c.merchant_id = l.merchant_id and c.reversed > 0 and (
                    c.chargeback_no in (l.our_no, l.channel_txn_no) or c.payment_no = l.of_our_no
                    or exists (
                        select from payments as p
                        where
                            p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
                            and p.channel = p_terms.owner and p.channel_txn_no = l.of_channel_txn_no
                        offset 0
                    )
                )
        ) as n
        where p_terms.account = 'channel' and l.kind = 'chargeback_reversal' and l.state <> 'failed'
        group by n.number, l.currency
        order by n.number
    loop
        perform _match_reversal(p_terms, v_back.number, v_back.currency, v_back.lines);
    end loop;
end;
$_match_reversals$;

comment on function mixpay._match_reversals(mixpay.reconciled_accounts) is
$$Matches lines that are still open and say that a chargeback came back, as several may of one that came back in parts.
$$;
