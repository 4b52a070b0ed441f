create function mixpay.reverse_settlement(
    p_merchant_id text, p_settlement_no text, p_reason text, p_reversed_at timestamptz default null,
    p_nth bigint default null
) returns mixpay.settlement
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $reverse_settlement$
declare
    v_settlement settlements;
    v_stands boolean;
begin
    perform _check_text('reason', p_reason), _check_past('reversed_at', p_reversed_at);
    -- Who does not say which reversal it is waits for nobody: what is there has been reversed before.
    v_settlement := _settlement(p_merchant_id, p_settlement_no, p_nth is not null);
    v_stands := v_settlement.state = 'reversed';
    if v_settlement.amount = 0 then
        raise exception 'settlement % paid nothing out', p_settlement_no using
            errcode = 'MX406',
            detail = format('%s was carried over.', v_settlement.carried_out),
            hint = 'There is no payout that could have failed. What is owed is netted from the next settlement.';
    elsif p_nth <= _times_reversed(v_settlement, p_nth, not v_stands) - v_stands::integer then
        -- That one was taken back since.
        return row(v_settlement.*)::settlement;
    elsif not v_stands then
        update settlements
        set
            state = 'reversed', reason = p_reason, reversed_at = coalesce(p_reversed_at, now()),
            last_entry = last_entry + 1
        where merchant_id = p_merchant_id and settlement_no = p_settlement_no and state = 'settled'
        returning * into v_settlement;
        if found then
            perform _write_facts(array[_settlement_fact(v_settlement, 'settled')], v_settlement.last_entry - 1);
            return row(v_settlement.*)::settlement;
        end if;
        v_settlement := _settlement(p_merchant_id, p_settlement_no, false);
    end if;
    if _is_another_moment(v_settlement.reversed_at, p_reversed_at) then
        -- Nobody named the moment, if it is the one of writing.
        update settlements set reversed_at = p_reversed_at, last_entry = last_entry + 1
        where
            merchant_id = p_merchant_id and settlement_no = p_settlement_no
            and reversed_at = v_settlement.reversed_at and exists (
                select from facts as f
                where
                    f.merchant_id = p_merchant_id and f.log = 'settlement' and f.log_no = p_settlement_no
                    and f.happened_at = v_settlement.reversed_at and f.created_at = v_settlement.reversed_at
                offset 0
            )
        returning * into v_settlement;
        if found then
            perform _write_facts(array[_settlement_fact(v_settlement, 'reversed')], v_settlement.last_entry - 1);
        end if;
        v_settlement := _settlement(p_merchant_id, p_settlement_no, false);
        if _is_another_moment(v_settlement.reversed_at, p_reversed_at) then
            raise exception 'settlement % was reversed at another moment', p_settlement_no using
                errcode = 'MX418',
                detail = _on_record(
                    json_build_object('reversed_at', v_settlement.reversed_at),
                    json_build_object('reversed_at', p_reversed_at)
                ),
                hint = 'Repeat a reversal with the same moment, or without one.';
        end if;
    end if;
    v_settlement := _explain_settlement(v_settlement, 'reversed', p_reason);
    return row(v_settlement.*)::settlement;
end;
$reverse_settlement$;

comment on function mixpay.reverse_settlement(text, text, text, timestamptz, bigint) is
$$Books that the payout of a settlement failed: the money is the payee's or receiver's again, and is paid out by the
next settlement. If the payout arrived after all, reinstate_settlement takes this back.

p_reversed_at is when the money came back to the bank; if left out, now. A settlement that is reversed stays as it is;
the reason is not compared. What was left out at first, the reason or the moment, may come later.

p_nth is which of the settlement's reversals it is, counted from 1. Name it if news may come late: then a reversal that
was taken back stays so. If left out, a call after reinstate_settlement reverses the settlement once more.
Locks: the settlement.
Raises: MX101 if there is no such merchant; MX405 if there is no such settlement; MX406 if it paid nothing out; MX415 if
the reversals before p_nth were not made and taken back; MX418 if it was reversed at another moment; MX901; MX905.
$$;
