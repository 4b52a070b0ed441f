create function mixpay._check_number(p_name text, p_value text) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_number$
begin
    -- Two plain tests: one pattern that also counts to 64 takes ten times as long.
    if p_value is null or length(p_value) not between 1 and 64 or p_value ~ '[^!-~]' then
        raise exception '% is not a number that can name something', p_name using
            errcode = 'MX901',
            detail = case when p_value is null then 'It is null.'
                else format('It is %s, %s characters long.', _shown(p_value, ''''), length(p_value)) end,
            hint = 'Numbers are 1 to 64 printable ASCII characters without spaces.';
    end if;
end;
$_check_number$;

comment on function mixpay._check_number(text, text) is
$$Refuses what cannot be a number of something.

Raises: MX901.
$$;
