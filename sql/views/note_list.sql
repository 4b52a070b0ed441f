create view mixpay.note_list as
select
    merchant_id,
    entity,
    number,
    notes,
    created_at,
    updated_at
from mixpay.notes;

comment on view mixpay.note_list is
'The callers'' own notes. Join it by entity and number, and read a key by notes ->> ''key''.';
