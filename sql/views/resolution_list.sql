create view mixpay.resolution_list as
select
    r.merchant_id,
    r.resolution_no::text as resolution_no,
    r.account::text as account,
    r.owner,
    r.statement_no,
    r.line_no,
    r.part,
    r.kind::text as kind,
    r.number,
    r.action,
    r.amount,
    r.takes_back,
    t.resolution_no::text as taken_back_by,
    r.resolved_by,
    r.session,
    r.reason,
    r.created_at
from mixpay.resolutions as r
left join mixpay.resolutions as t on t.merchant_id = r.merchant_id and t.takes_back = r.resolution_no;

comment on view mixpay.resolution_list is 'What people did about differences, and what of it was taken back.';
