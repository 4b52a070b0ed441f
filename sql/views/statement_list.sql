create view mixpay.statement_list as
select
    s.merchant_id,
    s.statement_no::text as statement_no,
    s.account::text as account,
    s.owner,
    s.format,
    s.from_at,
    s.until_at,
    s.line_count,
    t.currency,
    coalesce(t.amount, 0) as amount,
    coalesce(t.fee, 0) as fee,
    s.sealed_at,
    s.reconciled_at,
    s.created_at,
    r.resolution_no::text as resolution_no,
    r.resolved_by as withdrawn_by,
    r.created_at as withdrawn_at,
    r.reason
from mixpay.statements as s
left join mixpay.statement_totals as t on t.merchant_id = s.merchant_id and t.statement_no = s.statement_no
left join mixpay.resolutions as r on r.merchant_id = s.merchant_id and r.resolution_no = s.resolution_no;

comment on view mixpay.statement_list is
'What channels and banks sent, and what it sums to: a row for each currency, in the smallest unit. If a statement was '
'loaded wrongly, it says who withdrew it.';
