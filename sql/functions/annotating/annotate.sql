create function mixpay.annotate(
    p_merchant_id text, p_entity text, p_number text, p_notes jsonb
) returns mixpay.notes
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $annotate$
declare
    v_notes notes;
    v_merged jsonb;
begin
    perform _check_choice('entity', p_entity, array[
        'order', 'trade', 'payment', 'refund', 'channel_refund', 'return', 'chargeback', 'payee', 'release', 'dispute',
        'split', 'repricing', 'settlement', 'repayment', 'adjustment', 'channel_fee', 'channel_payout'
    ]);
    perform _check_notes(p_notes);
    perform _refuse_unknown(p_merchant_id, p_entity, p_number);
    -- Of two callers the second waits here, for the row or for its update, and then sees what the first one set.
    insert into notes (merchant_id, entity, number, notes)
    values (p_merchant_id, p_entity, p_number, '{}')
    on conflict do nothing;
    select * into v_notes from notes
    where merchant_id = p_merchant_id and entity = p_entity and number = p_number
    for no key update;
    v_merged := jsonb_strip_nulls(v_notes.notes || p_notes);
    if octet_length(v_merged::text) > 16384 or (select count(*) from jsonb_object_keys(v_merged)) > 100 then
        raise exception 'these are too many notes' using
            errcode = 'MX905',
            detail = format(
                'They would be %s keys and %s bytes.', (select count(*) from jsonb_object_keys(v_merged)),
                octet_length(v_merged::text)
            ),
            hint = 'There is room for 100 keys and 16384 bytes about each thing. Null as a value removes a key.';
    end if;
    if v_merged <> v_notes.notes then
        update notes set notes = v_merged, updated_at = now()
        where merchant_id = p_merchant_id and entity = p_entity and number = p_number
        returning * into v_notes;
    end if;
    return v_notes;
end;
$annotate$;

comment on function mixpay.annotate(text, text, text, jsonb) is
$$Sets notes of the caller's own about something that has a number here, and returns all that it has then.

p_entity is order, trade, payment, refund, channel_refund, return, chargeback, payee, release, dispute, split,
repricing, settlement, repayment, adjustment, channel_fee or channel_payout, and p_number says which. p_notes is {"key":
value, ...}: the keys that it names are set, null removes a key, all others stay. A value is a text without control
characters, a number or a boolean; a key has 1 to 64 characters; about each thing there is room for 100 keys and 16384
bytes. A note moves no money and no call reads it, so there is no fact, event or history of it. note_list shows the
notes.
Locks: the notes of that one thing.
Raises: MX101 if there is no such merchant; MX116 if there is nothing of this number; MX901; MX903; MX905.
$$;
