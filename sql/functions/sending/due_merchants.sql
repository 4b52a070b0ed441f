create function mixpay.due_merchants(
    p_after text default null, p_limit bigint default 100, p_channels text[] default null
) returns setof mixpay.due_merchant
language plpgsql stable security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $due_merchants$
declare
    v_due due_merchant;
    v_after text := coalesce(p_after, '');
    v_left bigint := p_limit;
begin
    perform _check_limit(p_limit);
    perform _check_channels(p_channels);
    -- One look into the index for each merchant with open work, however much work that is.
    while v_left > 0 loop
        select c.merchant_id, c.due_at into v_due
        from channel_refunds as c
        where
            c.due_at is not null and c.merchant_id > v_after collate "C"
            and (p_channels is null or c.channel = any (p_channels))
        order by c.merchant_id, c.due_at
        limit 1;
        exit when not found;
        v_after := v_due.merchant_id;
        if v_due.due_at <= now() then
            return next v_due;
            v_left := v_left - 1;
        end if;
    end loop;
end;
$due_merchants$;

comment on function mixpay.due_merchants(text, bigint, text[]) is
$$Lists the merchants with channel refunds that a worker may claim, and since when. It returns at most p_limit merchants
that come after p_after, so a worker can go round. p_channels limits it to what goes through these; null means any. It
reads an index once for each merchant with open work.
Raises: MX203 if there is no such channel; MX904.
$$;
