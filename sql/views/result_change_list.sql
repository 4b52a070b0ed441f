create view mixpay.result_change_list as
select
    merchant_id,
    account::text as account,
    owner,
    subject,
    from_result::text as from_result,
    to_result::text as to_result,
    statement_no,
    run,
    created_at
from mixpay.result_changes;

comment on view mixpay.result_change_list is
'What reconciliation said first and what it said later, of a line or of something of ours, and the statement that it '
'is of.';
