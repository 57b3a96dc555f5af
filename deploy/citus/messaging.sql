-- Citus: the tables that messaging has besides common.sql. Run on the coordinator by the tables' owner, after `migrate`, before the first
-- event; never run by us (docs/scale.md).

-- Distributed by the customer, those of one customer together.
select create_distributed_table('call_claims', 'customer', colocate_with => 'customers');
select create_distributed_table('calls', 'customer', colocate_with => 'customers');
select create_distributed_table('candidates', 'customer', colocate_with => 'customers');
select create_distributed_table('clicks', 'customer', colocate_with => 'customers');
select create_distributed_table('conditions', 'customer', colocate_with => 'customers');
select create_distributed_table('contact_addresses', 'customer', colocate_with => 'customers');
select create_distributed_table('contacts', 'customer', colocate_with => 'customers');
select create_distributed_table('decisions', 'customer', colocate_with => 'customers');
select create_distributed_table('declined_coupons', 'customer', colocate_with => 'customers');
select create_distributed_table('insert_scans', 'customer', colocate_with => 'customers');
select create_distributed_table('left_before_restore', 'customer', colocate_with => 'customers');
select create_distributed_table('messages', 'customer', colocate_with => 'customers');
select create_distributed_table('order_news', 'customer', colocate_with => 'customers');
select create_distributed_table('parcel_inserts', 'customer', colocate_with => 'customers');
select create_distributed_table('parcels', 'customer', colocate_with => 'customers');
select create_distributed_table('permissions', 'customer', colocate_with => 'customers');
select create_distributed_table('purchases', 'customer', colocate_with => 'customers');
select create_distributed_table('receipts', 'customer', colocate_with => 'customers');
select create_distributed_table('flow_moves', 'customer', colocate_with => 'customers');
select create_distributed_table('flow_runs', 'customer', colocate_with => 'customers');
select create_distributed_table('personal_dates', 'customer', colocate_with => 'customers');
select create_distributed_table('replies', 'customer', colocate_with => 'customers');
select create_distributed_table('standings', 'customer', colocate_with => 'customers');

-- Few rows a shop, read by everybody: a copy on every worker.
select create_reference_table('policies');

-- These stay on the coordinator:
-- local addresses_forgotten: a row a shop
-- local bounces: found by the address, of which several customers may have one
-- local mailboxes: a row a mailbox, without customers
-- local parcel_plans: of a shop, without customers
-- local pauses: found by channel and address
-- local campaign_members: its keys have no customer
-- local campaign_versions: of a shop, without customers
-- local campaigns: of a shop, without customers
-- local coupons: its keys have no customer
-- local defined_offers: of a shop, without customers
-- local defined_segments: of a shop, without customers
-- local flow_days: of a shop, without customers
-- local flow_versions: of a shop, without customers
-- local products: of a shop, without customers
-- local template_versions: of a shop, without customers
