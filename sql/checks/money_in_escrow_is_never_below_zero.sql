-- At no moment was more moved out of an order's account, a surplus or a refund than had come in, trade by trade.
select merchant_id, trade_no, entry, account, owner, balance
from (
    select
        merchant_id, number as trade_no, entry, account, owner,
        sum(came_in - went_out) over (partition by merchant_id, number, account, owner order by entry) as balance
    from mixpay.postings
    where source = 'trade' and account in ('order', 'surplus', 'refund')
) as b
where balance < 0;
