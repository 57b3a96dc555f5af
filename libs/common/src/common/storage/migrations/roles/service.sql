-- What a service may do in its database besides reading it: the role that it serves as, in the place of {role}. The
-- tables belong to another role, as which it is migrated and rebuilt. A right that goes is revoked by a migration; this
-- file only gives. tests/structure/test_roles.py compares it with the SQL of the source, both ways.

grant insert on cluster, master_key to {role};
grant insert, delete on inbox to {role};
grant insert, update on
    api_keys, clock, customer_keys, customers, dead_events, forgotten, history, imports_under_way, offsets, outbox
to {role};
grant insert, update, delete on items, long_histories, republishing, set_aside, traces to {role};

-- How far facts were numbered; PostgreSQL 18 answers null to whom it is not given, 17 refuses.
grant select on sequence outbox_seq_seq to {role};

-- A version is never changed, only how far it has been worked in.
grant insert, update (refold_after) on shop_settings to {role};

-- Published facts go some days later, a partition at a time (docs/decisions/0009); a single one where another is stuck.
grant delete, truncate on
    outbox_0, outbox_1, outbox_2, outbox_3, outbox_4, outbox_5, outbox_6, outbox_7,
    outbox_8, outbox_9, outbox_10, outbox_11, outbox_12, outbox_13, outbox_14, outbox_15
to {role};
