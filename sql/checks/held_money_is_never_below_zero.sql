-- At no moment was more moved out of an order's account, a surplus or a refund than had come in, trade by trade.
select merchant_id, trade_no, entry, account, owner, balance
from (
    select
        *,
        sum(amount) over (partition by merchant_id, trade_no, account, owner order by entry) as balance
    from (
        select merchant_id, number as trade_no, entry, from_account as account, from_owner as owner, -amount as amount
        from mixpay.journal
        where source = 'trade' and from_account in ('order', 'surplus', 'refund')
        union all
        select merchant_id, number, entry, to_account, to_owner, amount
        from mixpay.journal
        where source = 'trade' and to_account in ('order', 'surplus', 'refund')
    ) as m
) as b
where balance < 0;
