-- What orders-ingest may do besides what every service may (libs/common, migrations/roles) and besides reading.

-- What is kept of orders of nobody is a record; its bodies are sealed anew when the master key is replaced.
grant insert, update (body) on archive to {role};
-- What shops sent, as they sent it, and what was refused of their files: a record.
grant insert on completed_orders, import_refusals, replaced_refunds to {role};
grant insert, delete on import_parts, import_rows, recognised_by to {role};
grant insert, update, delete on import_uploads to {role};
grant insert, update on
    consents, import_jobs, journeys, order_details, privacy_requests, products, refunds,
    tallies, visits
to {role};
grant insert, update, delete on behaviour_days, orders, profiles, settings to {role};
-- A claim whose event was not taken is given up or marked; an intake topic that is closed is forgotten.
grant update on inbox to {role};
grant delete on offsets to {role};
grant insert on erasure_confirmations, merges to {role};
grant insert, delete on reconciled_orders to {role};
grant insert, update on erasures, last_heard, reconciliation_findings, reconciliations to {role};
grant update, delete on import_refusals to {role};
grant insert on shares to {role};
grant insert, update on share_files, sharing_consents, sharing_partners to {role};
