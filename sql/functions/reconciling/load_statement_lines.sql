create function mixpay.load_statement_lines(
    p_merchant_id text, p_statement_no text, p_lines jsonb
) returns mixpay.statement
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $load_statement_lines$
declare
    v_statement statements;
    v_new bigint;
begin
    perform _check_lines(p_lines);
    v_statement := _statement(p_merchant_id, p_statement_no);
    begin
        insert into statement_lines select * from _lines(v_statement, p_lines);
        get diagnostics v_new = row_count;
    exception
        when unique_violation then
            insert into statement_lines select * from _lines(v_statement, p_lines) on conflict do nothing;
            get diagnostics v_new = row_count;
            perform _refuse_other_lines(v_statement, p_lines);
    end;
    if v_new = 0 then
        v_statement := _statement(p_merchant_id, p_statement_no);
    else
        -- Who seals it waits here, and then counts these; or was first, and these are refused.
        update statements set line_count = line_count + v_new
        where
            merchant_id = p_merchant_id and statement_no = p_statement_no and sealed_at is null
            and resolution_no is null
        returning * into v_statement;
        if not found then
            perform _refuse_withdrawn(_statement(p_merchant_id, p_statement_no));
            raise exception 'statement % is complete', p_statement_no using
                errcode = 'MX423',
                detail = format('It was sealed with other lines; %s are new.', v_new),
                hint = 'Load what was forgotten as a statement of its own.';
        end if;
    end if;
    return row(v_statement.*)::statement;
end;
$load_statement_lines$;

comment on function mixpay.load_statement_lines(text, text, jsonb) is
$$Loads lines of a statement, 1 to 10,000 in one call, all or nothing, each once per line number and part.

p_lines is [{"line_no", "kind", "amount", "currency", "happened_at", "part"?, "type"?, "fee"?, "channel_txn_no"?,
"our_no"?, "of_channel_txn_no"?, "of_our_no"?, "batch_no"?, "state"?, "description"?}, ...]. "amount" is in the smallest
unit, with its sign as we see it: a payment is above zero, a refund below. "fee" is what the channel took in addition;
it is below zero if the channel gave it back.

"kind" is payment, refund, refund_reversal, chargeback, chargeback_reversal, return, fee, payout, payout_reversal,
adjustment, transfer, other or unknown; "state" is succeeded, processing or failed. The numbers are the channel's and
ours, of this movement and of the payment that it is about; "batch_no" is the payout in which it is paid to us.

What is loaded stays. A line that is there already may be loaded again with the same content.
Locks: the statement.
Raises: MX101 if there is no such merchant; MX110 if there is no such currency; MX420 if there is no such statement;
MX422 if a line is there with other content; MX423 if the statement is sealed and a line is new; MX433 if it was
withdrawn and a line is new; MX901; MX902; MX903; MX904; MX905.
$$;
