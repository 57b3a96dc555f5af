-- What messaging may do besides what every service may (libs/common, migrations/roles) and besides reading.

-- Why something was sent or not, what a provider reported, what was bought: a record, and a policy's version.
grant insert on conditions, decisions, order_news, policies, purchases, receipts to {role};
grant insert, update on addresses_forgotten, bounces, candidates, contacts, permissions to {role};
grant insert, update, delete on contact_addresses, messages, pauses to {role};
