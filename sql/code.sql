-- What is replaceable, in the order in which each part may use the parts above it.
\set ON_ERROR_STOP on
set role mixpay_owner;
\ir unload.sql
\ir grants.sql
reset role;
