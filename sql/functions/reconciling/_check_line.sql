create function mixpay._check_line(p_name text, p_line jsonb) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_line$
declare
    v_key text;
    v_value text;
begin
    if coalesce((p_line ->> 'line_no')::bigint, 0) not between 1 and 1000000000000000 then
        raise exception '%: "line_no" is not the number of a line', p_name using
            errcode = 'MX904',
            detail = format('It is %s.', coalesce(p_line ->> 'line_no', 'null')),
            hint = 'Number the lines of a file from 1, as an editor does.';
    end if;
    if p_line ->> 'part' <> '' then
        perform _check_number(format('%s: "part"', p_name), p_line ->> 'part');
    end if;
    foreach v_key in array array['amount', 'fee'] loop
        v_value := p_line ->> v_key;
        if (v_value is null and v_key = 'amount') or v_value::bigint not between -1000000000000000 and 1000000000000000
        then
            raise exception '%: "%" is not an amount of money', p_name, v_key using
                errcode = 'MX902',
                detail = format('It is %s.', coalesce(v_value, 'null')),
                hint = 'Say a whole number of the smallest unit, to 10^15: above zero, we got it; below, we gave it.';
        end if;
    end loop;
    perform _check_choice(format('%s: "kind"', p_name), p_line ->> 'kind', array[
        'payment', 'refund', 'refund_reversal', 'chargeback', 'chargeback_reversal', 'return', 'fee', 'payout',
        'payout_reversal', 'adjustment', 'transfer', 'other', 'unknown'
    ]);
    perform _check_choice(
        format('%s: "state"', p_name), coalesce(p_line ->> 'state', 'succeeded'),
        array['succeeded', 'processing', 'failed']
    );
    if not exists (select from currencies where currency = p_line ->> 'currency') then
        raise exception '%: there is no currency %', p_name, _shown(coalesce(p_line ->> 'currency', '(null)')) using
            errcode = 'MX110',
            detail = format('mixpay.currencies has %s codes, and not this one.', (select count(*) from currencies)),
            hint = 'Name a code of ISO 4217, in upper case.';
    end if;
    if _parse_moment(format('%s: "happened_at"', p_name), coalesce(p_line ->> 'happened_at', ''), true) is null then
        return;
    end if;
    foreach v_key in array array['channel_txn_no', 'our_no', 'of_channel_txn_no', 'of_our_no', 'batch_no'] loop
        perform _check_channel_txn_no(format('%s: "%s"', p_name, v_key), p_line ->> v_key);
    end loop;
    perform _check_text(format('%s: "type"', p_name), p_line ->> 'type');
    perform _check_text(format('%s: "description"', p_name), p_line ->> 'description');
end;
$_check_line$;

comment on function mixpay._check_line(text, jsonb) is
$$Refuses a line that says something that none can.

Raises: MX110 if there is no such currency; MX901; MX902; MX903; MX904; MX905.
$$;
