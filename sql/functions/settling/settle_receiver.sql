create function mixpay.settle_receiver(
    p_merchant_id text, p_receiver text, p_settlement_no text, p_until timestamptz, p_currency text default null,
    p_bank text default 'main', p_min_horizon timestamptz default null
) returns mixpay.settlement
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $settle_receiver$
declare
    v_settlement settlements;
begin
    perform _check_receiver(p_merchant_id, p_receiver, 'receiver');
    v_settlement := _settle(
        p_merchant_id, row('receiver', p_receiver)::account_name, p_settlement_no, p_until, p_currency, p_bank,
        p_min_horizon
    );
    return row(v_settlement.*)::settlement;
end;
$settle_receiver$;

comment on function mixpay.settle_receiver(text, text, text, timestamptz, text, text, timestamptz) is
$$Pays out what a receiver of splits has got, once per settlement number, just as settle_payee does it for a payee.
Locks: nothing; of two settlements of a receiver at once, the second waits for the first one.
Raises: MX101 if there is no such merchant; MX110 if there is no such currency; MX402 if the settlement number was used
for something else; MX403 if the receiver is settled until later; MX404 if it has several currencies and none is named;
MX407 if no split names the receiver; MX411 if the database began anew and its epoch was not raised; MX417 if
something written until p_min_horizon would be left out; MX901; MX905.
$$;
