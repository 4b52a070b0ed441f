create function mixpay._oldest_transaction() returns text
language plpgsql stable
set search_path = mixpay, pg_temp
as $_oldest_transaction$
begin
    return coalesce(
        (
            select _shown(concat_ws(
                ', ', coalesce('of session ' || h.pid, 'prepared as ' || h.prepared_as),
                'application ' || h.application, 'login ' || h.role, 'database ' || h.database,
                h.transactions_since || ' transactions ago', 'since ' || h.began_at
            ))
            from horizon as h
            order by h.transactions_since desc
            limit 1
        ),
        'one that has ended meanwhile'
    );
end;
$_oldest_transaction$;

comment on function mixpay._oldest_transaction() is
$$The oldest transaction that runs in this database and has an id, in words: whose it is, and how old.
$$;
