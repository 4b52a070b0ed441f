create function mixpay._settle(
    p_merchant_id text, p_account mixpay.account_name, p_settlement_no text, p_until timestamptz, p_currency text,
    p_bank text, p_min_horizon timestamptz
) returns mixpay.settlements
language plpgsql
set search_path = mixpay, pg_temp
as $_settle$
declare
    v_new settlements;
    v_currencies text[];
    v_epoch bigint;
    v_xid xid8;
    v_left_out bigint;
begin
    perform _check_number('settlement_no', p_settlement_no);
    perform _check_until(p_until);
    perform _check_number('bank', p_bank);
    perform _check_moment('min_horizon', p_min_horizon);
    loop
        select * into v_new from settlements where merchant_id = p_merchant_id and settlement_no = p_settlement_no;
        if found then
            if (v_new.account, v_new.owner) <> (p_account.account, p_account.owner)
                or _is_another_moment(v_new.until_at, p_until) or v_new.currency <> p_currency
                or v_new.bank <> p_bank then
                raise exception 'settlement number % was used for something else', p_settlement_no using
                    errcode = 'MX402',
                    detail = _on_record(json_build_object(
                        'account', v_new.account || ':' || v_new.owner, 'currency', v_new.currency,
                        'until', v_new.until_at, 'bank', v_new.bank
                    ), json_build_object(
                        'account', p_account.account || ':' || p_account.owner, 'currency', p_currency,
                        'until', p_until, 'bank', p_bank
                    )),
                    hint = 'Repeat a settlement with the same content, or give it a number of its own.';
            end if;
            return v_new;
        end if;
        if p_currency is null then
            v_currencies := array(select currency from _totals_of(p_merchant_id, p_account, null));
            if cardinality(v_currencies) <> 1 then
                raise exception 'say which currency of % is to be settled', p_account.owner using
                    errcode = 'MX404',
                    detail = format(
                        'It has %s.', coalesce(nullif(array_to_string(v_currencies, ', '), ''), 'none yet')
                    ),
                    hint = 'Name one as p_currency.';
            end if;
        else
            perform _check_currency(p_currency);
            v_currencies := array[p_currency];
        end if;
        -- One look: what is settled, and what is told to be left out, begin and end at the same place.
        select _current_epoch(), b.xid into v_epoch, v_xid from final_below as b;
        v_new := _next_settlement(p_merchant_id, p_account, p_until, v_currencies[1], v_epoch, v_xid);
        if p_min_horizon is not null then
            -- What an earlier settlement has is not left out.
            if (v_epoch, v_xid) < (v_new.from_epoch, v_new.from_xid) then
                v_epoch := v_new.from_epoch;
                v_xid := v_new.from_xid;
            end if;
            v_left_out := _left_out(p_merchant_id, p_account, v_new.currency, p_min_horizon, v_epoch, v_xid);
            if v_left_out is not null then
                raise exception '% cannot be settled in full yet', p_account.owner using
                    errcode = 'MX417',
                    detail = format('%s written until %s would be left out; the oldest transaction is %s.',
                        v_left_out, p_min_horizon, _oldest_transaction()),
                    hint = 'Wait until it ends, or end it: see mixpay.horizon. '
                        'Without p_min_horizon the next settlement has it.';
            end if;
        end if;
        v_new := _pay_out(p_merchant_id, p_account, p_settlement_no, v_new, p_bank);
        exit when v_new.settlement_no is not null;
    end loop;
    return v_new;
end;
$_settle$;

comment on function mixpay._settle(text, mixpay.account_name, text, timestamptz, text, text, timestamptz) is
$$Settles one account in one currency: what its facts earned since the last settlement, and what was carried over.

Raises: MX110 if there is no such currency; MX402 if the settlement number was used for something else; MX403 if the
account is settled until later; MX404 if it has several currencies and none is named; MX411 if the database began anew
and its epoch was not raised; MX417 if something written until p_min_horizon would be left out; MX901; MX905.
$$;
