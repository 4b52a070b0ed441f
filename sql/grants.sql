grant usage on schema mixpay to mixpay_reader, mixpay_writer;
