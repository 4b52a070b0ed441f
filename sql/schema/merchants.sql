-- A merchant is the tenant: every tenant table starts with merchant_id. Only orders, trades and payees refer to this
-- table, so that no other call touches a row that all trades of a merchant share.
create table mixpay.merchants (
    merchant_id mixpay.number not null,
    title text not null,
    allocation mixpay.allocation not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id),
    constraint title_is_not_blank check (title !~ '^ *$'),
    constraint title_has_no_control_characters check (
        title !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

comment on table mixpay.merchants is 'The tenants.';
comment on column mixpay.merchants.allocation is
'How a payment is divided among a trade''s orders: in their order (fifo) or by what each still lacks (pro_rata).';
