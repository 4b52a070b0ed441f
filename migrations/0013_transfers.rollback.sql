-- Takes back 0013, as long as no channel refund went more than once.
set role mixpay_owner;

do $refuse$
begin
    if exists (select from mixpay.bounced_transfers) or exists (select from mixpay.anomalies where nth > 1) then
        raise exception '0013 cannot be taken back any more' using
            errcode = 'object_not_in_prerequisite_state',
            detail = 'Channel refunds went more than once, and the tables of before have a place for one transfer.',
            hint = 'Restore a backup from before, or stay with this version.';
    end if;
end;
$refuse$;

drop index mixpay.unmatched_items_by_batch;
drop index mixpay.unmatched_items_of_a_line;
drop index mixpay.statement_lines_by_batch;
drop index mixpay.anomalies_by_channel_txn_no;

alter table mixpay.anomaly_resolutions
drop constraint anomaly_resolutions_merchant_id_channel_refund_no_nth_fkey,
drop constraint anomaly_resolutions_pkey,
drop column nth;
alter table mixpay.anomalies
drop constraint anomalies_pkey,
drop column nth,
add primary key (merchant_id, channel_refund_no);
alter table mixpay.anomaly_resolutions
add primary key (merchant_id, channel_refund_no),
add foreign key (merchant_id, channel_refund_no) references mixpay.anomalies;

drop table mixpay.bounced_transfers;
drop index mixpay.channel_refunds_by_channel_txn_no;
alter type mixpay.channel_refund drop attribute nth;
alter table mixpay.channel_refunds drop column nth;

reset role;
