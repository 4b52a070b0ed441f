create function mixpay._lines_look_wrong(p_lines jsonb) returns boolean
language plpgsql stable
set search_path = mixpay, pg_temp
as $_lines_look_wrong$
declare
    v_moment text := '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?'
        || '(Z|[+-][0-9]{2}(:?[0-9]{2})?)$';
    v_currencies text[] := array(select currency from currencies);
    v_wrong boolean;
    v_first timestamptz;
    v_last timestamptz;
begin
    select bool_or(
        l.line_no < 1 or length(coalesce(l.part, '')) > 64 or coalesce(l.part, '') ~ '[^!-~]'
        or abs(l.amount) > 1000000000000000 or abs(l.fee) > 1000000000000000
        or l.kind is null or l.kind not in (
            'payment', 'refund', 'refund_reversal', 'chargeback', 'chargeback_reversal', 'return', 'fee', 'payout',
            'payout_reversal', 'adjustment', 'transfer', 'other', 'unknown'
        )
        or l.state not in ('succeeded', 'processing', 'failed')
        or l.currency is null or l.currency <> all (v_currencies)
        or l.happened_at is null or l.happened_at !~ v_moment
        or '' in (l.channel_txn_no, l.our_no, l.of_channel_txn_no, l.of_our_no, l.batch_no)
        or greatest(
            length(l.channel_txn_no), length(l.our_no), length(l.of_channel_txn_no), length(l.of_our_no),
            length(l.batch_no)
        ) > 255
        or greatest(length(l.type), length(l.description)) > 1000
        or concat(
            l.type, l.channel_txn_no, l.our_no, l.of_channel_txn_no, l.of_our_no, l.batch_no, l.description
        ) ~ E'[\\u0001-\\u001f\\u007f-\\u009f]'
    ) into v_wrong
    from jsonb_to_recordset(p_lines) as l (
        line_no bigint, part text, kind text, type text, amount bigint, currency text, fee bigint, happened_at text,
        channel_txn_no text, our_no text, of_channel_txn_no text, of_our_no text, batch_no text, state text,
        description text
    );
    if v_wrong then
        return true;
    end if;
    begin
        select min((e ->> 'happened_at')::timestamptz), max((e ->> 'happened_at')::timestamptz) into v_first, v_last
        from jsonb_array_elements(p_lines) as e;
    exception
        when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
            return true;
    end;
    return v_first < '1900-01-01Z' or v_last > now() + interval '1 day';
end;
$_lines_look_wrong$;

comment on function mixpay._lines_look_wrong(jsonb) is
$$Whether any of many lines, whose values are of the right types, says something that _check_line might refuse.
$$;
