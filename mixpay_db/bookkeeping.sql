-- What the migrations remember. It is handed over to mixpay_owner as soon as there is one.
create schema mixpay_migrations;

comment on schema mixpay_migrations is
'Which migrations were applied (the tables of yoyo 9) and what the files said then.';

create table mixpay_migrations._yoyo_migration (
    migration_hash varchar(64) primary key,
    migration_id varchar(255),
    applied_at_utc timestamp
);

create table mixpay_migrations._yoyo_log (
    id varchar(36) primary key,
    migration_hash varchar(64),
    migration_id varchar(255),
    operation varchar(10),
    username varchar(255),
    hostname varchar(255),
    comment varchar(255),
    created_at_utc timestamp
);

create table mixpay_migrations._yoyo_version (
    version int primary key,
    installed_at_utc timestamp
);

insert into mixpay_migrations._yoyo_version values (2, now() at time zone 'utc');

-- yoyo knows a migration by its name only.
create table mixpay_migrations.contents (
    name text primary key,
    sha256 text not null,
    loaded_at timestamptz not null default now()
);

comment on table mixpay_migrations.contents is
'The checksum of each applied migration and, as "code", of what sql/code.sql loaded last.';
