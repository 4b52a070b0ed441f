-- An epoch is the life of the database from one beginning to the next: from its installation, or from a restore.
-- Transaction ids begin anew where a backup ends, so whatever goes by them names its epoch, too.
create table mixpay.epochs (
    epoch bigint not null,
    created_at timestamptz not null default now(),
    primary key (epoch),
    constraint epoch_is_positive check (epoch > 0)
);

comment on table mixpay.epochs is
'The epochs of the database: the first begins with the installation, each later one with a restore. The highest is the '
'current one.';
comment on column mixpay.epochs.epoch is 'Counted from 1. After a restore from a backup the next one begins.';

insert into mixpay.epochs (epoch) values (1);
