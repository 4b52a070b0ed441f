create table mixpay.merchants (
    merchant_id mixpay.number primary key,
    title text not null,
    allocation text not null default 'fifo' check (allocation in ('fifo', 'pro_rata')),
    created_at timestamptz not null default now()
);
comment on table mixpay.merchants is 'The tenants.';
