create function mixpay._on_record(p_stored json, p_sent json) returns text
language plpgsql stable
set search_path = mixpay, pg_temp
as $_on_record$
begin
    return format(
        'On record: %s. Sent: %s.',
        (
            select string_agg(e.key || ' ' || _shown(e.value), ', ') from json_each_text(p_stored) as e
            where e.value is not null
        ),
        (
            select string_agg(e.key || ' ' || _shown(e.value), ', ') from json_each_text(p_sent) as e
            where e.value is not null
        )
    );
end;
$_on_record$;

comment on function mixpay._on_record(json, json) is
$$The detail of the error that a number was used for something else: what it stands for, and what it was sent with. What
is null was left out, or is not known.
$$;
