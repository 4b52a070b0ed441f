create view mixpay.day_flow as
select
    p.merchant_id,
    p.created_at::date as day,
    p.account,
    case when p.account in ('order', 'surplus', 'refund', 'anomaly', 'outside') then '' else p.owner end as owner,
    p.currency,
    sum(p.came_in)::bigint as came_in,
    sum(p.went_out)::bigint as went_out,
    sum(p.came_in - p.went_out)::bigint as moved
from mixpay.postings as p
-- Constraints see to it; without it the check that days sum to zero could find nothing.
where p.account is not null
group by 1, 2, 3, 4, 5;

comment on view mixpay.day_flow is
'A merchant''s day, from channels to banks and payees: what moved into and out of each account, summing to zero.';
comment on column mixpay.day_flow.day is
'The day on which it was written, in the session''s time zone: books go by that.';
comment on column mixpay.day_flow.owner is 'Whose account; empty: all accounts of this kind together.';
comment on column mixpay.day_flow.moved is
'came_in - went_out, in the smallest unit; for a day and a currency, they sum to zero.';
