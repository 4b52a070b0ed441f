create function mixpay._parse_moment(p_name text, p_value text, p_is_past boolean default false) returns timestamptz
language plpgsql stable
set search_path = mixpay, pg_temp
as $_parse_moment$
declare
    v_moment timestamptz;
    v_pattern text := '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?'
        || '(Z|[+-][0-9]{2}(:?[0-9]{2})?)$';
begin
    if p_value is null then
        return null;
    end if;
    if p_value ~ v_pattern then
        begin
            v_moment := p_value::timestamptz;
        exception
            when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
                null;  -- No such day, hour or zone: refused below.
        end;
    end if;
    if v_moment is null then
        raise exception '% is not a moment', p_name using
            errcode = 'MX903',
            detail = format('It is %s.', _shown(p_value, '''')),
            hint = 'Write it with its offset, as in 2026-01-31T12:00:00+08:00.';
    elsif p_is_past then
        perform _check_past(p_name, v_moment);
    else
        perform _check_moment(p_name, v_moment);
    end if;
    return v_moment;
end;
$_parse_moment$;

comment on function mixpay._parse_moment(text, text, boolean) is
$$A moment out of JSON, which must name its offset from UTC; null stays null. p_is_past: one of money, which has moved.

Raises: MX903; MX905.
$$;
