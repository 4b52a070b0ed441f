create function mixpay._settle(
    p_merchant_id text, p_account mixpay.account_name, p_settlement_no text, p_until timestamptz, p_currency text
) returns mixpay.settlements
language plpgsql
set search_path = mixpay, pg_temp
as $_settle$
declare
    v_payee_no text := case p_account.account when 'payee' then p_account.owner end;
    v_receiver text := case p_account.account when 'receiver' then p_account.owner end;
    v_new settlements;
    v_last settlements;
    v_currencies text[];
begin
    perform _check_number('settlement_no', p_settlement_no);
    perform _check_moment('until', p_until);
    if p_until > clock_timestamp() then
        raise exception 'until lies in the future' using
            errcode = 'MX905',
            detail = format('It is %s.', p_until),
            hint = 'Name a moment in the past, or null: now.';
    end if;
    loop
        select * into v_new from settlements where merchant_id = p_merchant_id and settlement_no = p_settlement_no;
        if found then
            if v_new.payee_no is distinct from v_payee_no or v_new.receiver is distinct from v_receiver
                or v_new.until_at <> p_until or v_new.currency <> p_currency then
                raise exception 'settlement number % was used for something else', p_settlement_no using
                    errcode = 'MX402',
                    detail = format(
                        'It settled %s %s in %s until %s.', case when v_new.receiver is null then 'payee' else 'receiver' end,
                        coalesce(v_new.payee_no, v_new.receiver), v_new.currency, v_new.until_at
                    ),
                    hint = 'Repeat a settlement with the same content, or give it a number of its own.';
            end if;
            return v_new;
        end if;
        v_new.currency := p_currency;
        if p_currency is null then
            v_currencies := array(select currency from _totals_of(p_merchant_id, p_account, null));
            if cardinality(v_currencies) <> 1 then
                raise exception 'say which currency of % is to be settled', p_account.owner using
                    errcode = 'MX404',
                    detail = format('It has %s.', coalesce(nullif(array_to_string(v_currencies, ', '), ''), 'none yet')),
                    hint = 'Name one as p_currency.';
            end if;
            v_new.currency := v_currencies[1];
        elsif not exists (select from currencies where currency = p_currency) then
            raise exception 'there is no currency %', left(p_currency, 80) using
                errcode = 'MX110',
                hint = 'Name a code of ISO 4217, in upper case.';
        end if;
        select s.* into v_last from (
            (
                select * from settlements
                where merchant_id = p_merchant_id and payee_no = v_payee_no and currency = v_new.currency
                order by nth desc
                limit 1
            )
            union all
            (
                select * from settlements
                where merchant_id = p_merchant_id and receiver = v_receiver and currency = v_new.currency
                order by nth desc
                limit 1
            )
        ) as s;
        v_new.nth := coalesce(v_last.nth, 0) + 1;
        if p_until < v_last.until_at then
            raise exception '% is settled until later', p_account.owner using
                errcode = 'MX403',
                detail = format('Settlement %s goes until %s.', v_last.settlement_no, v_last.until_at),
                hint = 'Name a later moment. What an older transaction wrote late is in the next settlement, too.';
        end if;
        perform _check_horizon(v_last.until_epoch, v_last.until_xid);
        v_new.from_epoch := coalesce(v_last.until_epoch, 0);
        v_new.from_xid := coalesce(v_last.until_xid, '0');
        -- Nobody can write any more before the oldest transaction that runs.
        v_new.until_epoch := _current_epoch();
        v_new.until_xid := pg_snapshot_xmin(pg_current_snapshot());
        v_new.until_at := coalesce(p_until, greatest(clock_timestamp(), v_last.until_at));
        if p_until is not null then
            -- A stretch of the log: what is behind the first fact that was written later is left as well.
            select e.epoch, e.xid into v_new.until_epoch, v_new.until_xid
            from (
                (
                    select f.epoch, f.xid from facts as f
                    where
                        f.merchant_id = p_merchant_id and f.to_owner = p_account.owner
                        and f.to_account = p_account.account
                        and (f.epoch, f.xid) >= (v_new.from_epoch, v_new.from_xid) and f.created_at > p_until
                    order by f.epoch, f.xid
                    limit 1
                )
                union all
                (
                    select f.epoch, f.xid from facts as f
                    where
                        f.merchant_id = p_merchant_id and f.from_owner = p_account.owner
                        and f.from_account = p_account.account
                        and (f.epoch, f.xid) >= (v_new.from_epoch, v_new.from_xid) and f.created_at > p_until
                    order by f.epoch, f.xid
                    limit 1
                )
                union all
                select v_new.until_epoch, v_new.until_xid
            ) as e
            order by e.epoch, e.xid
            limit 1;
        end if;
        v_new.until_epoch := greatest(v_new.until_epoch, v_new.from_epoch);
        if (v_new.until_epoch, v_new.until_xid) < (v_new.from_epoch, v_new.from_xid) then
            v_new.until_xid := v_new.from_xid;
        end if;
        -- The bounds are subqueries, which the planner does not look into: between two transactions of one epoch it
        -- expects nothing, and then the whole merchant's stretch of the log looks as good to it as the account's.
        select coalesce(sum(e.amount), 0) into v_new.earned
        from (
            select f.trade_no, f.amount from facts as f
            where
                f.merchant_id = p_merchant_id and f.to_owner = p_account.owner and f.to_account = p_account.account
                and (f.epoch, f.xid) >= ((select v_new.from_epoch), (select v_new.from_xid))
                and (f.epoch, f.xid) < ((select v_new.until_epoch), (select v_new.until_xid))
            union all
            select f.trade_no, -f.amount from facts as f
            where
                f.merchant_id = p_merchant_id and f.from_owner = p_account.owner
                and f.from_account = p_account.account
                and (f.epoch, f.xid) >= ((select v_new.from_epoch), (select v_new.from_xid))
                and (f.epoch, f.xid) < ((select v_new.until_epoch), (select v_new.until_xid))
        ) as e
        -- Looked up, not joined: the merchant may have many more trades than the range has movements.
        where v_new.currency = (
            select t.currency from trades as t where t.merchant_id = p_merchant_id and t.trade_no = e.trade_no
        );
        -- Earlier settlements earned it, and payouts, reversals and repayments moved it since.
        select coalesce(sum(e.amount), 0) into v_new.carried_in
        from (
            select s.earned as amount from settlements as s
            where s.merchant_id = p_merchant_id and s.payee_no = v_payee_no and s.currency = v_new.currency
            union all
            select s.earned from settlements as s
            where s.merchant_id = p_merchant_id and s.receiver = v_receiver and s.currency = v_new.currency
            union all
            select f.amount from settlement_facts as f
            where
                f.merchant_id = p_merchant_id and f.to_owner = p_account.owner and f.to_account = p_account.account
                and f.currency = v_new.currency
                -- A repayment counts when the debt does that it repays.
                and (f.epoch, f.xid) < (v_new.until_epoch, v_new.until_xid) and f.created_at <= v_new.until_at
            union all
            select -f.amount from settlement_facts as f
            where
                f.merchant_id = p_merchant_id and f.from_owner = p_account.owner and f.from_account = p_account.account
                and f.currency = v_new.currency
        ) as e;
        if v_new.carried_in + v_new.earned > 1000000000000000 then
            raise exception 'the payout would be too large' using
                errcode = 'MX902',
                detail = format('%s are payable.', v_new.carried_in + v_new.earned),
                hint = 'A payout is at most 10^15 smallest units: settle until an earlier moment first.';
        end if;
        insert into settlements (
            merchant_id, settlement_no, payee_no, receiver, currency, nth, until_at, from_epoch, from_xid, until_epoch,
            until_xid, carried_in, earned, amount, carried_out
        ) values (
            p_merchant_id, p_settlement_no, v_payee_no, v_receiver, v_new.currency, v_new.nth, v_new.until_at,
            v_new.from_epoch, v_new.from_xid, v_new.until_epoch, v_new.until_xid, v_new.carried_in, v_new.earned,
            greatest(0, v_new.carried_in + v_new.earned), least(0, v_new.carried_in + v_new.earned)
        )
        on conflict do nothing
        returning * into v_new;
        -- Else somebody took the number, or settled the same account, while we looked.
        exit when found;
    end loop;
    insert into settlement_facts (
        merchant_id, entity, number, entry, epoch, from_state, to_state, from_account, from_owner, to_account, amount,
        currency, happened_at
    ) values (
        p_merchant_id, 'settlement', p_settlement_no, 1, _current_epoch(), '', 'settled',
        case when v_new.amount > 0 then p_account.account end, case when v_new.amount > 0 then p_account.owner end,
        case when v_new.amount > 0 then 'outside' end, nullif(v_new.amount::bigint, 0), v_new.currency, now()
    );
    return v_new;
end;
$_settle$;

comment on function mixpay._settle(
    text, mixpay.account_name, text, timestamptz, text
) is $$
Settles one account in one currency: what its facts earned since the last settlement, and what was carried over.

Raises: MX110 if there is no such currency; MX402 if the settlement number was used for something else; MX403 if the
account is settled until later; MX404 if it has several currencies and none is named; MX411 if the database
began anew and its epoch was not raised; MX901; MX902; MX905.
$$;
