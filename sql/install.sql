-- The whole database, top to bottom: psql -v ON_ERROR_STOP=1 -1 -f sql/install.sql
\set ON_ERROR_STOP on
\ir schema/roles.sql
set role mixpay_owner;
\ir schema/types.sql
\ir schema/currencies.sql
\ir schema/merchants.sql
reset role;
\ir code.sql
