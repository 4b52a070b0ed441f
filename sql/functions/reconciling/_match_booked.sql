create function mixpay._match_booked(
    p_terms mixpay.reconciled_accounts, p_line mixpay.statement_lines, p_kind text, p_number text
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_match_booked$
declare
    v_item own_item;
    v_fee bigint;
begin
    v_item := _own_item(p_terms.merchant_id, p_terms.account, p_terms.owner, p_kind, p_number);
    -- An adjustment is not looked for by reconcile: it is what was just written.
    if p_kind = 'adjustment' then
        v_item.amount := p_line.amount;
        v_item.currency := p_line.currency;
    end if;
    v_fee := _fee_of(p_terms, p_kind, p_number, v_item.amount, p_line.fee);
    insert into line_matches (
        merchant_id, statement_no, line_no, part, account, owner, kind, number, rule, result, currency, theirs, ours,
        fee_theirs, fee_ours, happened_at, run
    )
    select
        p_line.merchant_id, p_line.statement_no, p_line.line_no, p_line.part, p_terms.account, p_terms.owner, p_kind,
        p_number, 'booked',
        _finding(
            p_line.amount, v_item.amount, p_line.currency = v_item.currency, p_line.state, 'succeeded',
            p_terms.tolerance, p_line.fee, v_fee
        ),
        p_line.currency, p_line.amount, v_item.amount, p_line.fee, v_fee, p_line.happened_at, p_terms.last_run
    where _is_unmatched(p_terms, p_kind, p_number) and v_item.amount is not null
    on conflict do nothing;
    if not found then
        raise exception 'something else is % % already', p_kind, p_number using
            errcode = 'MX428',
            detail = format(
                'It is on record, and no further line of %s:%s is about it.', p_terms.account, p_terms.owner
            ),
            hint = 'Name it by another p_number, or see mixpay.statement_line_list.';
    end if;
    update unmatched_lines set result = 'matched', run = p_terms.last_run
    where
        merchant_id = p_line.merchant_id and statement_no = p_line.statement_no and line_no = p_line.line_no
        and part = p_line.part;
    -- A payout that was compared with a batch is so no more: a line of its own is stronger.
    update unmatched_items set result = 'matched', theirs = 0, batch_no = null, run = p_terms.last_run
    where
        merchant_id = p_terms.merchant_id and account = p_terms.account and owner = p_terms.owner and kind = p_kind
        and number = p_number and result <> 'matched';
end;
$_match_booked$;

comment on function mixpay._match_booked(mixpay.reconciled_accounts, mixpay.statement_lines, text, text) is
$$Matches a line with what was booked from it.

Raises: MX428 if that is another line's.
$$;
