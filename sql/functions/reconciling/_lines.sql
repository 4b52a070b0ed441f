create function mixpay._lines(
    p_statement mixpay.statements, p_lines jsonb
) returns setof mixpay.statement_lines
language plpgsql stable
set search_path = mixpay, pg_temp
as $_lines$
begin
    return query
    select
        p_statement.merchant_id, p_statement.statement_no::text, l.line_no, coalesce(l.part, ''), l.kind::line_kind,
        l.type, l.amount, l.currency, l.fee, l.happened_at::timestamptz, l.channel_txn_no::channel_number,
        l.our_no::channel_number, l.of_channel_txn_no::channel_number, l.of_our_no::channel_number,
        l.batch_no::channel_number, coalesce(l.state, 'succeeded')::line_state, l.description
    from jsonb_to_recordset(p_lines) as l (
        line_no bigint, part text, kind text, type text, amount bigint, currency text, fee bigint, happened_at text,
        channel_txn_no text, our_no text, of_channel_txn_no text, of_our_no text, batch_no text, state text,
        description text
    );
end;
$_lines$;

comment on function mixpay._lines(mixpay.statements, jsonb) is
$$The lines of a statement that JSON says, once _check_lines has looked at them.
$$;
