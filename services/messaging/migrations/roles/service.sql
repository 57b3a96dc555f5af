-- What messaging may do besides what every service may (libs/common, migrations/roles) and besides reading.

-- Why something was sent or not, what a provider reported, what was bought: a record, and a policy's version.
grant insert on conditions, decisions, declined_coupons, order_news, policies, purchases, receipts to {role};
-- Of a version to come, that it never does; and what is worked out from one as it is added.
grant update (withdrawn_at, free_after, addresses) on policies to {role};
grant insert, update on addresses_forgotten, bounces, call_claims, candidates, clicks, permissions to {role};
grant insert, update, delete on contact_addresses, contacts, messages, pauses to {role};
grant insert on insert_scans, parcel_inserts, parcel_plans, parcels to {role};
grant insert on calls, campaign_members, campaign_versions, flow_moves, flow_versions, replies, template_versions to {role};
grant insert, update on mailboxes, standings to {role};
grant insert, update on campaigns, coupons, defined_offers, defined_segments, flow_days, products to {role};
grant insert, update, delete on flow_runs, personal_dates to {role};
