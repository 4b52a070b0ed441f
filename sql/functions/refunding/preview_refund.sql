create function mixpay.preview_refund(p_merchant_id text, p_order_no text, p_amount bigint)
returns setof mixpay.refund_share
language plpgsql stable security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $preview_refund$
begin
    perform _check_amount('amount', p_amount);
    return query select * from unnest(_plan_refund(
        p_merchant_id, p_order_no, _order_lines(p_merchant_id, p_order_no, null), null, p_amount, null, false
    ));
end;
$preview_refund$;

comment on function mixpay.preview_refund(text, text, bigint) is
$$Shows which payments a refund of this order would take from, and in which order, without writing or locking anything.

Each row is one payment: amount is what it would bear and refundable what it could, in the currency's smallest unit. If
nothing happens in between, refund_order does the same.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX301 if more is asked than is left;
MX901; MX902.
$$;
