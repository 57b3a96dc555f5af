-- Citus: the tables that membership has besides common.sql. Run on the coordinator by the tables' owner, after `migrate`, before the first
-- event; never run by us (docs/scale.md).

-- Distributed by the customer, those of one customer together.
select create_distributed_table('announced', 'customer', colocate_with => 'customers');
select create_distributed_table('ledger_entries', 'customer', colocate_with => 'customers');
select create_distributed_table('ledger_tallies', 'customer', colocate_with => 'customers');
select create_distributed_table('satisfaction', 'customer', colocate_with => 'customers');
select create_distributed_table('satisfaction_marks', 'customer', colocate_with => 'customers');

-- Few rows a shop, read by everybody: a copy on every worker.
select create_reference_table('offers');
select create_reference_table('programmes');

-- These stay on the coordinator:
-- local checkouts: found by (shop, order_id) before it is known whose order it is; gone with the order
-- local coupon_uses: found by (shop, order_id, code)
-- local coupon_hold_outs: joined with coupons, by batch
-- local coupons: found by (shop, code) at the checkout, and many have no holder
-- local redemptions: unique by (shop, redemption_id) too, which makes a repeated request one: goes when the request names the customer in its key
-- local refolds: few rows: work under way
-- local liability_months: of a shop, without customers
-- local liability_totals: of a shop, without customers
-- local manual_changes: its keys have no customer
-- local activities: of a shop, without customers; locked with each entry
-- local activity_entries: counted and drawn over all customers
-- local surprise_months: of a shop, without customers
-- local surprises: its keys have no customer
-- local communities: of a shop, without customers
-- local community_members: listed by community, over all customers
-- local community_posts: listed by community, over all customers
-- local joint_campaigns: of a shop, without customers
-- local joint_deliveries: of a shop, without customers
-- local partners: few rows, joined with referrals
-- local payouts: its keys have no customer
-- local referral_codes: found by (shop, code)
-- local referral_traits: found by (shop, kind, hash), over all customers
-- local referrals: read by the referrer as well, and unique by (shop, referral_id)
