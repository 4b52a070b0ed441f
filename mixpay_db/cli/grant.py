"""`mixpay grant`: what gives a role one merchant, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import click
import psycopg
from psycopg import sql

from mixpay_db.cli.common import connect_url, failures_are_problems, url_option
from mixpay_db.cli.help import examples
from mixpay_db.problem import MIGRATE, Problem

_STATEMENTS = Path(__file__).parent.with_name("of_merchant.sql").read_text(encoding="utf-8")
# What is in the schema from an earlier time goes. What others have built on it, the error names.
_CLEAR = """
declare
    v_role text;
    v_statement text;
begin
    foreach v_role in array {who}::text[] loop
        if exists (
            select from pg_catalog.pg_roles
            where
                rolname ~ '^(mixpay_(owner|writer|reader|monitor)|pg_(read|write)_all_data)$'
                and pg_has_role(v_role, oid, 'member')
        ) then
            raise exception 'role % may see all merchants already', v_role using
                hint = 'It is a superuser, or in a role of mixpay''s or pg_(read|write)_all_data.';
        end if;
    end loop;
    if exists (
        select from pg_catalog.pg_namespace
        where nspname = {name} and obj_description(oid, 'pg_namespace') is distinct from {comment}
    ) then
        raise exception 'schema % is not one of this merchant that mixpay grant has made', {name}
            using hint = 'Choose another name with --schema.';
    end if;
    for v_statement in
        select format('drop view %s', oid::regclass) from pg_catalog.pg_class
        where relnamespace = to_regnamespace({name}) and relkind = 'v'
        union all
        select format('drop function %s', oid::regprocedure) from pg_catalog.pg_proc
        where pronamespace = to_regnamespace({name})
    loop
        execute v_statement;
    end loop;
    drop schema if exists {schema};
    create schema {schema} authorization mixpay_writer;
    -- Default privileges may have let others in.
    for v_statement in
        select format(
            'revoke all on schema %I from %s', nspname,
            case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end
        )
        from pg_catalog.pg_namespace, aclexplode(nspacl)
        where nspname = {name} and grantee <> nspowner
    loop
        execute v_statement;
    end loop;
end
"""
# The schema is made anew, so that it is nobody else's, whoever made it. Names are pg_catalog's, so
# that no function of the same name, which somebody put into public, runs as whoever runs this.
_BEGIN = """\
\\set ON_ERROR_STOP on
\\encoding UTF8
begin;
set local client_min_messages = warning;
set local search_path = pg_catalog, pg_temp;
do {clear};
comment on schema {schema} is {comment};
set local role mixpay_writer;
"""
_END = """\
revoke all on all functions in schema {schema} from public;
grant usage on schema {schema} to {roles};
grant select on all tables in schema {schema} to {roles};
grant execute on all functions in schema {schema} to {roles};
commit;
"""


@click.command(
    epilog=examples(
        "mixpay grant mall --to mall_service > mall.sql",
        "mixpay grant mall --to mall_clerk --schema mall_books --read-only | psql",
    )
)
@click.argument("merchant")
@click.option(
    "--to",
    "roles",
    required=True,
    multiple=True,
    metavar="ROLE",
    help="Who gets it; may be repeated. The role must exist, and have none of mixpay's own roles.",
)
@click.option(
    "--schema", metavar="NAME", help="What the schema is called; otherwise as the merchant."
)
@click.option("--read-only", is_flag=True, help="Only the views, not the calls.")
@url_option
@click.pass_context
def grant(
    ctx: click.Context, merchant: str, roles: tuple[str, ...], schema: str | None, read_only: bool
) -> None:
    """Write the SQL that gives roles one MERCHANT: its rows and its calls, and no other's.

    They get a schema with every view, which has this merchant's rows only, and every call, which
    is as in mixpay but without p_merchant_id. Nothing is changed until psql runs it.

    Each run makes the schema anew, for these roles only. Run it after an upgrade: the schema then
    has what is new. Who runs it is a superuser, or a member of mixpay_writer that may create
    schemas.
    """
    schema = schema or merchant
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema) or re.match(
        "pg_|mixpay$|public$", schema
    ):
        raise click.UsageError(f"A schema cannot be called {schema!r} here: say --schema NAME.")
    names = {"merchant": merchant, "schema": schema, "read_only": read_only}
    with failures_are_problems(), psycopg.connect(connect_url(ctx), autocommit=True) as conn:
        conn.read_only = True
        conn.execute("set search_path = pg_catalog")
        if conn.execute("select to_regnamespace('mixpay')").fetchone() == (None,):
            raise Problem("there is no mixpay in this database", MIGRATE)
        known = "select from mixpay.merchant_list where merchant_id = %s"
        if conn.execute(known, [merchant]).fetchone() is None:
            raise Problem(f"there is no merchant {merchant}", "Register it first.")
        statements = psycopg.ClientCursor(conn).execute(_STATEMENTS, names).fetchall()
        parts = {
            "schema": sql.Identifier(schema),
            "name": sql.Literal(schema),
            "comment": sql.Literal(f"Made by mixpay grant: what is of merchant {merchant}."),
            "who": sql.Literal(list(roles)),
            "roles": sql.SQL(", ").join(map(sql.Identifier, roles)),
        }
        # Quoted as a whole: a merchant may be called as whatever mark would end it.
        parts["clear"] = sql.Literal(sql.SQL(_CLEAR).format(**parts).as_string(conn))
        begin, end = (sql.SQL(part).format(**parts).as_string(conn) for part in (_BEGIN, _END))
    click.echo(begin + "".join(f"{statement}\n" for _, statement in statements) + end, nl=False)
