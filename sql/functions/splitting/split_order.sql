create function mixpay.split_order(
    p_merchant_id text, p_order_no text, p_split_no text, p_shares jsonb, p_takes_place text default null
) returns setof mixpay.split_list
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $split_order$
declare
    v_takes_place text := coalesce(p_takes_place, 'release');
    v_order orders;
    v_split splits;
    v_receivers split_receivers[];
    v_trades trades[];
    v_shares record;
begin
    perform _check_number('split_no', p_split_no);
    perform _check_choice('takes_place', v_takes_place, array['payment', 'release']);
    perform _check_order(p_merchant_id, p_order_no);
    -- As a merge locks it: a trade that the order gets meanwhile must know the split.
    update orders set merge_count = merge_count where merchant_id = p_merchant_id and order_no = p_order_no
    returning * into v_order;
    v_receivers := _parse_shares(v_order, p_split_no, p_shares);
    v_trades := _lock_trades_of_order(p_merchant_id, p_order_no);
    insert into splits (merchant_id, split_no, order_no, takes_place)
    values (p_merchant_id, p_split_no, p_order_no, v_takes_place)
    on conflict do nothing
    returning * into v_split;
    if found then
        if v_split.takes_place = 'payment' then
            perform _refuse_dispute(
                p_merchant_id, p_order_no, 'Split it at release: until close_dispute its money stays in escrow.'
            );
        end if;
        insert into split_receivers
        select * from unnest(v_receivers);
        perform _split_lines(v_split, v_trades);
        return query
        select * from split_list as s where s.merchant_id = p_merchant_id and s.split_no = p_split_no
        order by s.position;
        return;
    end if;
    select * into v_split from splits where merchant_id = p_merchant_id and split_no = p_split_no;
    if not found then
        raise exception 'order % is split already', p_order_no using
            errcode = 'MX508',
            detail = format('Its split is %s.', (
                select split_no from splits where merchant_id = p_merchant_id and order_no = p_order_no
            )),
            hint = 'An order is split once. See mixpay.split_list.';
    end if;
    -- In which account a share stands is not agreed: before 0.5.0, all fees had one of the same name.
    select
        string_agg(s.share, '; ' order by s.position) filter (where s.is_sent) as sent,
        string_agg(s.share, '; ' order by s.position) filter (where not s.is_sent) as agreed
    into v_shares
    from (
        select
            r.position, r.is_sent, concat_ws(
                ' ', r.kind, r.receiver, r.fixed, r.rate, case when r.takes_remainder then 'takes_remainder' end,
                case when r.kept_on_refund then 'kept_on_refund' end
            ) as share
        from (
            select x.*, true as is_sent from unnest(v_receivers) as x
            union all
            select x.*, false from split_receivers as x
            where x.merchant_id = p_merchant_id and x.split_no = p_split_no
        ) as r
    ) as s;
    if v_split.order_no <> p_order_no or v_split.takes_place <> v_takes_place or v_shares.sent <> v_shares.agreed then
        raise exception 'split number % was used for something else', p_split_no using
            errcode = 'MX509',
            detail = _on_record(json_build_object(
                'order_no', v_split.order_no, 'takes_place', v_split.takes_place, 'shares', v_shares.agreed
            ), json_build_object(
                'order_no', p_order_no, 'takes_place', v_takes_place, 'shares', v_shares.sent
            )),
            hint = 'Repeat a split with the same content, or give it a number of its own. See mixpay.split_list.';
    end if;
    return query
    select * from split_list as s where s.merchant_id = p_merchant_id and s.split_no = p_split_no
    order by s.position;
end;
$split_order$;

comment on function mixpay.split_order(text, text, text, jsonb, text) is
$$Divides an order's money among receivers, once per split number: what is there now and what will come.

p_shares is [{"kind"?, "receiver", "fixed"?, "rate"?, "takes_remainder"?, "kept_on_refund"?}, ...], 1 to 50 of them, in
the order in which they are served. kind is payee (a registered one), receiver (the default), platform_fee or
channel_fee. fixed is an amount in the currency's smallest unit, for the whole order. rate is in basis points of what is
divided (250 is 2.5 %), rounded down. A receiver gets both together. The receiver with takes_remainder: true gets the
rest; if there is none, the order's payee does.

kept_on_refund: true lets a receiver keep his share when the order is refunded; then the one who takes the remainder
gives it back instead. Everybody else gives back in proportion, by largest remainder.

p_takes_place says when: release (the default) divides what leaves escrow; payment divides what arrives, at once, and of
an order on hold only the payee's share stays in escrow. The same number with the same content returns the split as it
is now.
Locks: the order, then its trades, in ascending trade number, then its split.
Raises: MX101 if there is no such merchant; MX102 if a payee is not registered; MX103 if there is no such order; MX503
if it is to be split at payment and a dispute is open; MX508 if the order is split already; MX509 if the split number
was used for something else; MX510 if the shares are more than the order, or nobody takes the remainder; MX901; MX902;
MX903; MX904; MX905.
$$;
