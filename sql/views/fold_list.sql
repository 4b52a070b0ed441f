create view mixpay.fold_list as
select
    f.merchant_id,
    f.fold,
    b.account::text as account,
    b.owner,
    b.currency,
    b.came_in,
    b.went_out,
    b.came_in - b.went_out as balance,
    f.until_epoch,
    f.until_xid,
    f.earliest_at,
    f.latest_at
from mixpay.balance_folds as f
left join mixpay.folded_balances as b on f.merchant_id = b.merchant_id and f.fold = b.fold;

comment on view mixpay.fold_list is
'How far the journal is summed up, and the sums of the accounts that a fold moved, in the smallest unit: from there '
'on it need not be read from the beginning.';
comment on column mixpay.fold_list.fold is 'Its place among the merchant''s folds, from 1.';
comment on column mixpay.fold_list.owner is 'Whose account; empty: all accounts of this kind together.';
comment on column mixpay.fold_list.came_in is 'All that came in up to the end of the fold.';
comment on column mixpay.fold_list.until_xid is 'With until_epoch, the first transaction that it does not cover.';
comment on column mixpay.fold_list.earliest_at is 'When the first movement of this fold was written.';
comment on column mixpay.fold_list.latest_at is
'When the last movement of this fold, or of any before it, was written.';
