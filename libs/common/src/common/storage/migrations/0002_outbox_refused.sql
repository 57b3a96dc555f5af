-- The few facts that Kafka will never take, counted every few seconds: without this the whole outbox is read for it.
create index outbox_refused on outbox (seq) where refused is not null;
