-- Citus: the tables that feedback has besides common.sql. Run on the coordinator by the tables' owner, after `migrate`, before the first
-- event; never run by us (docs/scale.md).

-- Distributed by the customer, those of one customer together.
select create_distributed_table('buyer_types', 'customer', colocate_with => 'customers');
select create_distributed_table('completed_orders', 'customer', colocate_with => 'customers');
select create_distributed_table('contents', 'customer', colocate_with => 'customers');
select create_distributed_table('customer_sources', 'customer', colocate_with => 'customers');
select create_distributed_table('order_inputs', 'customer', colocate_with => 'customers');
select create_distributed_table('photos', 'customer', colocate_with => 'customers');
select create_distributed_table('referred', 'customer', colocate_with => 'customers');
select create_distributed_table('reviews', 'customer', colocate_with => 'customers');
select create_distributed_table('reward_claims', 'customer', colocate_with => 'customers');
select create_distributed_table('staff_tasks', 'customer', colocate_with => 'customers');
select create_distributed_table('survey_answers', 'customer', colocate_with => 'customers');
select create_distributed_table('survey_turns', 'customer', colocate_with => 'customers');
select create_distributed_table('surveys', 'customer', colocate_with => 'customers');
select create_distributed_table('ticket_entries', 'customer', colocate_with => 'customers');
select create_distributed_table('tiers', 'customer', colocate_with => 'customers');
select create_distributed_table('return_uses', 'customer', colocate_with => 'customers');
select create_distributed_table('enrolled', 'customer', colocate_with => 'customers');
select create_distributed_table('usage_questions', 'customer', colocate_with => 'customers');
select create_distributed_table('readings', 'customer', colocate_with => 'customers');

-- Few rows a shop, read by everybody: a copy on every worker.
select create_reference_table('free_returns');
select create_reference_table('policies');

-- These stay on the coordinator:
-- local tickets: unique by (shop, ticket_id) too, by which an agent opens one: goes when that index is given up
-- local claim_photos: of a shop, without customers
-- local claim_prints: of a shop, without customers
-- local reward_grounds: of a shop, without customers
-- local removed_photos: few rows: work under way
-- local said_days: of a shop, without customers
-- local said_marks: of a shop, without customers; locked by who reads texts
-- local sentiment_models: of a shop, without customers
