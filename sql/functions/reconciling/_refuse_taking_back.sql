create function mixpay._refuse_taking_back(
    p_was mixpay.resolutions, p_other mixpay.resolutions, p_resolution_no text, p_takes_back text
) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refuse_taking_back$
begin
    if p_was.resolution_no is null then
        raise exception 'there is no resolution %', p_takes_back using
            errcode = 'MX431',
            detail = 'None is on record under this number.',
            hint = 'mixpay.resolution_list has them all.';
    elsif p_other.resolution_no = p_resolution_no then
        raise exception 'resolution number % was used for something else', p_resolution_no using
            errcode = 'MX427',
            detail = _on_record(
                to_json(p_other), json_build_object('action', 'taken_back', 'takes_back', p_takes_back)
            ),
            hint = 'Repeat a resolution with the same content, or give it a number of its own.';
    elsif p_other.resolution_no is not null or p_was.action = 'taken_back' then
        raise exception 'resolution % does not stand', p_takes_back using
            errcode = 'MX432',
            detail = format(
                'It is %s, %s.', p_was.action, coalesce('taken back by ' || p_other.resolution_no, 'and stays')
            ),
            hint = 'Resolve the difference again; what was taken back stays so.';
    elsif p_was.action = 'withdrawn' then
        raise exception 'statement % stays withdrawn', p_was.statement_no using
            errcode = 'MX432',
            detail = format('Resolution %s withdrew it.', p_takes_back),
            hint = 'Load it again under another statement number.';
    elsif p_was.action = 'booked' and (
        -- The rule is looked at behind the key, not with it: an index of matches by rule would do for both.
        select m.rule from line_matches as m
        where
            m.merchant_id = p_was.merchant_id and m.statement_no = p_was.statement_no and m.line_no = p_was.line_no
            and m.part = p_was.part
    ) is distinct from 'booked' then
        raise exception 'what was on record before is not taken back here' using
            errcode = 'MX432',
            detail = format('%s %s was started by us, and the line said that it succeeded.', p_was.kind, p_was.number),
            hint = 'return_payment or bounce_channel_refund says that the money came back; then reconcile again.';
    end if;
end;
$_refuse_taking_back$;

comment on function mixpay._refuse_taking_back(
    mixpay.resolutions, mixpay.resolutions, text, text
) is
$$Refuses to take back what there is not, what does not stand, and what was on record before.

Raises: MX427 if the number was used for something else; MX431 if there is no such resolution; MX432 if it cannot be
taken back.
$$;
