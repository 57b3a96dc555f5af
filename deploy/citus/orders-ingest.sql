-- Citus: the tables that orders-ingest has besides common.sql. Run on the coordinator by the tables' owner, after `migrate`, before the first
-- event; never run by us (docs/scale.md).

-- Distributed by the customer, those of one customer together.
select create_distributed_table('behaviour_days', 'customer', colocate_with => 'customers');
select create_distributed_table('consents', 'customer', colocate_with => 'customers');
select create_distributed_table('profiles', 'customer', colocate_with => 'customers');
select create_distributed_table('recognised_by', 'customer', colocate_with => 'customers');
select create_distributed_table('erasure_confirmations', 'customer', colocate_with => 'customers');
select create_distributed_table('last_heard', 'customer', colocate_with => 'customers');
select create_distributed_table('erasures', 'customer', colocate_with => 'customers');
select create_distributed_table('sharing_consents', 'customer', colocate_with => 'customers');

-- Few rows a shop, read by everybody: a copy on every worker.
select create_reference_table('products');

-- These stay on the coordinator:
-- local archive: raw bodies by shop and order: distribute it by shop, or keep it in object storage
-- local completed_orders: found by (shop, order_id), of orders that may change their customer
-- local import_jobs: few rows
-- local import_parts: of a file, gone when it was read
-- local import_refusals: of a job
-- local import_rows: of a job, gone when it is done
-- local import_uploads: few rows
-- local journeys: found by (shop, order_id)
-- local order_details: found by (shop, order_id)
-- local orders: found by (shop, order_id): a shop sends a version without saying whose it is
-- local privacy_requests: few rows, found by the vendor's id
-- local refunds: found by (shop, refund_id)
-- local replaced_refunds: found by (shop, source, event_id)
-- local tallies: counts a shop and hour
-- local visits: counts a shop and hour
-- local merges: of a shop, without customers
-- local reconciled_orders: of a shop, without customers
-- local reconciliation_findings: of a shop, without customers
-- local reconciliations: of a shop, without customers
-- local share_files: a shop's register, without customers
-- local shares: a shop's register, without customers
-- local sharing_partners: few rows
