-- Who there is. Roles belong to the whole cluster, so another database may have made them already.
do $roles$
declare
    v_role text;
begin
    foreach v_role in array array['mixpay_owner', 'mixpay_writer', 'mixpay_reader'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
            execute format('create role %I nologin', v_role);
        end if;
    end loop;
    -- Whoever installs acts as the owner; a superuser may already, anyone else must be a member.
    if not pg_catalog.pg_has_role(current_user, 'mixpay_owner', 'member') then
        execute format('grant mixpay_owner to %I', current_user);
    end if;
end;
$roles$;

create schema mixpay authorization mixpay_owner;
