create view mixpay.payee_list as
select
    merchant_id,
    payee_no::text as payee_no,
    title,
    created_at
from mixpay.payees;

comment on view mixpay.payee_list is 'The stores and sellers that are registered under each merchant.';
