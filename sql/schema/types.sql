-- A number that names something (an order, a payment, …): 1 to 64 printable ASCII characters, no spaces.
create domain mixpay.number as text collate "C"
constraint is_1_to_64_printable_ascii check (value ~ '^[!-~]{1,64}$');

comment on domain mixpay.number is
'A caller''s or our own number of something: 1 to 64 printable ASCII characters without spaces, compared byte by byte.';
