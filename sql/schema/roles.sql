-- Who there is. Roles belong to the whole cluster, so another database may have made them already.
do $roles$
declare
    v_role text;
begin
    foreach v_role in array array['mixpay_owner', 'mixpay_writer', 'mixpay_reader', 'mixpay_monitor'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
            execute format('create role %I nologin', v_role);
        end if;
    end loop;
    -- Whoever installs acts as the owner; a superuser may already, anyone else must be a member.
    -- Since PostgreSQL 16 the maker of a role is a member that may not act as it until it says so.
    begin
        set local role mixpay_owner;
    exception
        when insufficient_privilege then
            execute format('grant mixpay_owner to %I', current_user);
    end;
    reset role;
end;
$roles$;

create schema mixpay authorization mixpay_owner;

set role mixpay_owner;
comment on schema mixpay is 'Merged orders, mixed payments and first-in-first-out refunds.';
reset role;
