create function mixpay.book_line(
    p_merchant_id text, p_resolution_no text, p_statement_no text, p_line_no bigint, p_by text,
    p_part text default '', p_number text default null, p_trade_no text default null, p_payment_no text default null,
    p_order_no text default null, p_account text default null, p_reason text default null
) returns mixpay.resolution
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $book_line$
declare
    v_found found_difference;
    v_terms reconciled_accounts;
    v_line statement_lines;
    v_resolution resolutions;
    v_number text := coalesce(p_number, p_resolution_no);
    v_sent jsonb := jsonb_build_object(
        'number', p_number, 'trade_no', p_trade_no, 'payment_no', p_payment_no, 'order_no', p_order_no,
        'account', p_account
    );
    v_stored jsonb;
begin
    perform _check_number('resolution_no', p_resolution_no), _check_by(p_by), _check_text('reason', p_reason);
    perform _check_number('number', v_number), _check_number('statement_no', p_statement_no);
    v_found := _lock_difference(
        p_merchant_id, p_resolution_no, p_statement_no, p_line_no, p_part, null, null, null
    );
    v_resolution := _resolved_before(p_merchant_id, p_resolution_no, 'booked', v_found, p_reason);
    select * into v_terms from reconciled_accounts
    where merchant_id = p_merchant_id and account = v_found.account and owner = v_found.owner;
    if v_resolution.resolution_no is not null then
        v_stored := _booking_differs(v_terms, v_resolution.kind, v_resolution.number, v_sent);
        if v_stored is not null then
            raise exception 'resolution number % was used for something else', p_resolution_no using
                errcode = 'MX427',
                detail = _on_record(v_stored::json, v_sent::json),
                hint = 'Repeat a resolution with the same content, or give it a number of its own.';
        end if;
        return row(v_resolution.*)::resolution;
    end if;
    select * into v_line from statement_lines
    where merchant_id = p_merchant_id and statement_no = p_statement_no and line_no = p_line_no and part = p_part;
    if v_found.number is not null then
        v_stored := _booking_differs(v_terms, v_found.kind, v_found.number, v_sent);
        if v_stored is not null then
            raise exception 'line % of statement % is about something else', p_line_no, p_statement_no using
                errcode = 'MX430',
                detail = _on_record(v_stored::json, v_sent::json),
                hint = 'It is matched with what is on record. Leave out what you do not mean to check.';
        end if;
        perform _book_state(v_terms, v_line, v_found);
    else
        v_found.kind := _booked_kind(v_terms, v_line, p_account);
        perform _check_booking(v_terms, v_line, v_found.kind, p_trade_no, p_payment_no, p_order_no, p_account);
        if p_account is not null then
            perform _parse_account(p_account);
        end if;
        v_found.number := _book_movement(
            v_terms, v_line, v_found.kind, v_number, p_trade_no, p_payment_no, p_order_no, p_account,
            coalesce(p_reason, _about(v_found))
        );
        perform _match_booked(v_terms, v_line, v_found.kind, v_found.number);
    end if;
    v_resolution := _resolve(_resolution(
        p_merchant_id, p_resolution_no, 'booked', v_found, p_by, p_reason, v_line.amount
    ));
    return row(v_resolution.*)::resolution;
end;
$book_line$;

comment on function mixpay.book_line(
    text, text, text, bigint, text, text, text, text, text, text, text, text
) is
$$Books what a line says and our books lack, once per resolution number, and matches the two.

The line's kind says by which call it is booked: record_payment (give p_trade_no), record_channel_refund (p_order_no and
p_payment_no), charge_back_payment or return_payment (p_payment_no), record_channel_fee, or record_channel_payout
(p_account is the bank; if left out, bank:main). On a bank's statement p_account says whose money it is: channel:card
for a channel's payout, payee: or receiver: for a repayment. Anything else is an adjustment against p_account.

If the line is about a payment or refund that is on record and whose money has not moved here, succeed_payment or
complete_channel_refund books it; what you name must be what is on record. p_number is the number of what is booked; if
left out, p_resolution_no. Amount, currency, moment and the channel's number are the line's. If you give no reason, it
names the line. p_by is the person who books it; the login is recorded, too.

The same number with the same content returns the same row. What is left out is not compared, nor is what the line's
kind does not need, the person or the reason; the reason may come later. take_back_resolution takes it back.
Locks: the account, as reconcile does; then what the call locks that books it: a trade, its orders' splits and totals.
Raises: MX101; MX102; MX103; MX104; MX110; MX111; MX201; MX202; MX203; MX207; MX208; MX221; MX223; MX226; MX301; MX302;
MX303; MX304; MX306; MX401; MX407; MX410; MX412; MX413; MX414; MX416 as the call that books it; MX420 if there is no
such statement; MX426 if there is no such line; MX427 if the resolution number was used for something else; MX428 if
nothing is open; MX430 if the line cannot be booked like this; MX433 if the statement was withdrawn; MX435 if the
resolution was taken back; MX901; MX902; MX905.
$$;
