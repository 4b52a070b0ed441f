create function mixpay._check_channel_txn_no(p_name text, p_value text) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_channel_txn_no$
begin
    if length(p_value) not between 1 and 255 or p_value ~ E'[\\u0001-\\u001f\\u007f-\\u009f]' then
        raise exception '% is not a number that a channel gives', p_name using
            errcode = 'MX901',
            detail = format('It is %s, %s characters long.', _shown(p_value, ''''), length(p_value)),
            hint = 'A channel''s number is 1 to 255 characters without control characters; null: it has none.';
    end if;
end;
$_check_channel_txn_no$;

comment on function mixpay._check_channel_txn_no(text, text) is
$$Refuses what cannot be a channel's own number of a transaction; null is no number.

Raises: MX901.
$$;
