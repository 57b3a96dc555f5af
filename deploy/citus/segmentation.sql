-- Citus: the tables that segmentation has besides common.sql. Run on the coordinator by the tables' owner, after `migrate`, before the first
-- event; never run by us (docs/scale.md).

-- Distributed by the customer, those of one customer together.
select create_distributed_table('activity', 'customer', colocate_with => 'customers');
select create_distributed_table('members', 'customer', colocate_with => 'customers');
select create_distributed_table('sales', 'customer', colocate_with => 'customers');
select create_distributed_table('complaints', 'customer', colocate_with => 'customers');
select create_distributed_table('member_tiers', 'customer', colocate_with => 'customers');
select create_distributed_table('order_facts', 'customer', colocate_with => 'customers');
select create_distributed_table('profiles', 'customer', colocate_with => 'customers');
select create_distributed_table('referrals', 'customer', colocate_with => 'customers');
select create_distributed_table('reviews', 'customer', colocate_with => 'customers');
select create_distributed_table('segment_dues', 'customer', colocate_with => 'customers');
select create_distributed_table('segment_stays', 'customer', colocate_with => 'customers');
select create_distributed_table('customer_values', 'customer', colocate_with => 'customers');
select create_distributed_table('customer_types', 'customer', colocate_with => 'customers');
select create_distributed_table('signals', 'customer', colocate_with => 'customers');
select create_distributed_table('taste_shifts', 'customer', colocate_with => 'customers');
select create_distributed_table('tags', 'customer', colocate_with => 'customers');

-- Few rows a shop, read by everybody: a copy on every worker.
select create_reference_table('churn_fits');
select create_reference_table('product_models');
select create_reference_table('products');
select create_reference_table('shop_statistics');
select create_reference_table('thresholds');
select create_reference_table('value_fits');

-- These stay on the coordinator:
-- local anonymous_orders: of orders without a customer
-- local anonymous_refunds: of orders without a customer
-- local typings: a row a shop: work under way
-- local late_orders: a row a shop and connection, until the next statistics
-- local people: few rows: identifiers of who is one person after merges
-- local monthly_flows: of a shop, without customers
-- local monthly_flow_walks: a row a shop: work under way
-- local reschedulings: a row a shop: work under way
-- local statistics_portions: of a month's work under way
-- local value_portions: of a month's work under way
-- local goals: of a shop, without customers
-- local segment_definitions: of a shop, without customers
