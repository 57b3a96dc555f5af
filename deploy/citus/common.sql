-- Citus: the tables that every service has. Run on the coordinator by the tables' owner, after `migrate`, before the first
-- event; never run by us (docs/scale.md).

-- Distributed by the customer, those of one customer together.
select create_distributed_table('customers', 'customer');
select create_distributed_table('customer_keys', 'customer', colocate_with => 'customers');
select create_distributed_table('items', 'customer', colocate_with => 'customers');
select create_distributed_table('long_histories', 'customer', colocate_with => 'customers');
select create_distributed_table('set_aside', 'customer', colocate_with => 'customers');

-- Few rows a shop, read by everybody: a copy on every worker.
select create_reference_table('settings');
select create_reference_table('shop_settings');

-- These stay on the coordinator:
-- local announced_facts: of a rebuild alone
-- local api_keys: few rows, found by prefix
-- local clock: one row
-- local cluster: one row
-- local dead_events: few rows; unique by their place in a topic, and often of no customer
-- local forgotten: one row
-- local history: unique by the hash of (shop, source, id) without the customer: goes when customer is in its key
-- local imports_under_way: few rows a shop
-- local inbox: unique by the hash of (shop, source, id); bounded by INBOX_DAYS
-- local master_key: one row
-- local offsets: a row for each partition; locked by each batch
-- local outbox: drained by one relay in order of seq; emptied after OUTBOX_DAYS
-- local rebuilding: of a rebuild alone
-- local rebuilding_until: of a rebuild alone
-- local rebuilt_facts: of a rebuild alone
-- local republishing: one row
-- local traces: of sampled traces alone, by a hash of the event; kept for 14 days
