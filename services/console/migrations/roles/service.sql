-- What the console may do besides reading.

-- Who looked at what and changed what: a record that the console itself cannot rewrite.
grant insert on audit to {role};
grant insert, update on audit_end to {role};
-- Versions of paperwork are added, never changed.
grant insert on records to {role};
grant insert, update on report_mails, reports to {role};
grant insert, delete on failed_attempts, sessions to {role};
grant insert, update on looks, people, violations to {role};
grant insert, update, delete on shops_of_people, views to {role};
grant insert, update, delete on invitations, recoveries to {role};
