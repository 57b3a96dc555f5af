-- When each input was known, so that `verify` checks every decision anew by what was known then; null: before this.
-- By the clock and not by the transaction's start: inputs are written under the customer's lock, so whatever bears a
-- time before the start of a decision's transaction was there for it to see.

alter table contacts add column recorded_at timestamptz;
alter table contacts alter column recorded_at set default clock_timestamp();
alter table conditions add column recorded_at timestamptz;
alter table conditions alter column recorded_at set default clock_timestamp();
alter table purchases add column recorded_at timestamptz;
alter table purchases alter column recorded_at set default clock_timestamp();
alter table permissions alter column recorded_at set default clock_timestamp();
