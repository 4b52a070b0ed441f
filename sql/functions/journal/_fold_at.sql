create function mixpay._fold_at(p_merchant_id text, p_at timestamptz) returns bigint
language plpgsql stable
set search_path = mixpay, pg_temp
as $_fold_at$
begin
    return coalesce((
        select fold from balance_folds
        where merchant_id = p_merchant_id and (p_at is null or latest_at is null or latest_at <= p_at)
        order by fold desc
        limit 1
    ), 0);
end;
$_fold_at$;

comment on function mixpay._fold_at(text, timestamptz) is
$$The last fold that holds nothing written after a moment, null: now; 0 if there is none.
$$;
