-- At no moment was more moved out of an order's account, a surplus or a refund than had come in, trade by trade.
create view mixpay._money_in_escrow_is_never_below_zero with (security_barrier) as
select merchant_id, trade_no, entry, account, owner, balance
from (
    select
        merchant_id, number as trade_no, entry, account, owner,
        sum(came_in - went_out) over (partition by merchant_id, number, account, owner order by entry) as balance
    from mixpay.postings
    where source = 'trade' and account in ('order', 'surplus', 'refund')
) as b
where balance < 0;
