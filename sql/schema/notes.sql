-- Notes are the caller's own: keys and values about something that has a number here. Nothing reads them, and they move
-- nothing. A table of their own, so that who has none pays nothing.
create table mixpay.notes (
    merchant_id text collate "C" not null,
    entity text collate "C" not null,
    number text collate "C" not null,
    notes jsonb not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (merchant_id, entity, number),
    constraint notes_are_a_flat_object check (
        jsonb_typeof(notes) = 'object'
        and not jsonb_path_exists(
            notes, 'strict $.* ? (@.type() == "object" || @.type() == "array" || @.type() == "null")', silent => true
        )
    ),
    constraint notes_are_at_most_16_kb check (octet_length(notes::text) <= 16384),
    constraint keys_are_at_most_100 check (jsonb_array_length(jsonb_path_query_array(notes, '$.keyvalue()')) <= 100),
    constraint keys_are_1_to_64_characters check (
        not jsonb_path_exists(notes, '$.keyvalue().key ? (!(@ like_regex "^.{1,64}$" flag "s"))')
    ),
    constraint notes_have_no_control_characters check (
        not jsonb_path_exists(notes, E'$.keyvalue().key ? (@ like_regex "[\\u0001-\\u001f\\u007f-\\u009f]")')
        and not jsonb_path_exists(notes, E'$.* ? (@ like_regex "[\\u0001-\\u001f\\u007f-\\u009f]")')
    )
);

alter table mixpay.notes alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.notes is 'The callers'' own keys and values about things that have a number here.';
comment on column mixpay.notes.entity is 'What it is about: order, trade, payment, ...; number says which.';
comment on column mixpay.notes.notes is 'A flat object of texts, numbers and booleans.';
comment on column mixpay.notes.updated_at is 'When a key was set or removed last.';
