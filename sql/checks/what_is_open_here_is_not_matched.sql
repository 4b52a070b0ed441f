-- Something of ours that no line was found for is matched since, or is in no match; so is what one line pays with
-- others, and what is compared with a batch.
create view mixpay._what_is_open_here_is_not_matched with (security_barrier) as
select u.merchant_id, u.account, u.owner, u.kind, u.number, u.result, m.statement_no
from mixpay.unmatched_items as u
inner join mixpay.line_matches as m
    on
        m.merchant_id = u.merchant_id and m.account = u.account and m.owner = u.owner and m.kind = u.kind
        and m.number = u.number
where u.result <> 'matched' or u.line_no is not null or u.batch_no is not null;
