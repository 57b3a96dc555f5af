"""The metrics that every service publishes, each under one name with its help."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_AGES = (0.05, 0.1, 0.3, 0.5, 1, 1.5, 3, 5, 10, 30, 60, 300, 3600, 86400)

OUTBOX_UNPUBLISHED = Gauge("outbox_unpublished_rows", "Facts that no broker has acknowledged yet")
OUTBOX_OLDEST = Gauge("outbox_oldest_unpublished_seconds", "Age of the oldest fact not acknowledged; 0 without one")
OUTBOX_DEAD = Gauge("outbox_dead_rows", "Facts the broker refuses for good, such as one too large")
OUTBOX_EMPTIED = Counter("outbox_partitions_emptied_total", "Days of published facts that retention removed whole")
KEYS_REWRAPPED = Counter("customer_keys_rewrapped_total", "Customers' keys that were wrapped with another master key")
PRUNED = Counter(
    "pruned_rows_total", "Rows that retention removed one by one; of dead_events their bodies alone", ["table"]
)
REBUILDING = Gauge("database_rebuilding", "1 while this process waits for its database, which is being rebuilt")
PRUNED_AT = Gauge(
    "pruning_last_success_timestamp_seconds",
    "When this process last removed all that need not be kept; 0 before the first time",
)
INBOX_DUPLICATES = Counter("inbox_duplicates_total", "Repeated deliveries that were dropped", ["consumer"])
EVENTS_APPLIED = Counter("events_applied_total", "Events that counted", ["consumer", "type"])
LATE_INPUTS = Counter(
    "late_inputs_total", "Inputs that came out of order and made a customer be folded anew", ["consumer"]
)
WEBHOOKS = Counter(
    "webhook_deliveries_total", "Deliveries of webhooks, or what they say, by what became of it", ["vendor", "outcome"]
)
DEAD_EVENTS = Gauge("dead_events", "Dead events that nobody has sent again", ["consumer"])
EVENT_AGE = Histogram("event_age_seconds", "From an event's time to its being counted", ["consumer"], buckets=_AGES)
PART_RUNS = Gauge("part_runs", "1 for each part of the service that this process runs, 0 for the others", ["part"])
RELAY_HOLDER = Gauge("relay_holder", "1 in the process that publishes, of all of its service")
SWEEP_ROWS = Counter("sweep_rows_total", "Due rows that this process has done")
SET_ASIDE = Gauge("sweep_tasks_set_aside", "Due work of customers that failed and is tried again later", ["job"])
CONSUMER_ASSIGNED = Gauge("consumer_assigned_partitions", "Partitions this process holds")
CONSUMER_STATE = Gauge(
    "consumer_state",
    "1 for what it does: `joining`, `reading`, `spare` (others hold all partitions), `paused`, `stopped`",
    ["consumer", "state"],
)
CONSUMER_STOPPED = Gauge(
    "consumer_stopped",
    "1 while reading waits for somebody: `fuse` blown, or `outdated` (events of a newer release)",
    ["consumer", "reason"],
)
CONSUMER_SINCE_PROGRESS = Gauge(
    "consumer_seconds_since_progress", "Since the last batch, or since the log was at its end"
)
CONSUMER_RECREATED = Counter("consumer_recreated_total", "Times the Kafka consumer was thrown away and made anew")
DB_POOL_IN_USE = Gauge("db_pool_in_use", "Database connections in use")
DB_POOL_LIMIT = Gauge("db_pool_limit", "Database connections that this process may use at most: twice POOL_SIZE")
CLOCK_AHEAD = Gauge(
    "clock_ahead_of_database_seconds",
    "By how much this host's clock is surely ahead of its database's; negative: behind, 0: no difference is seen",
)
BACKUPS_INCOMPLETE = Gauge(
    "backups_incomplete",
    "Continuous backups that do not run, lack something of PostgreSQL or Kafka, or whose base backup is overdue",
)
BACKUP_KEPT = Gauge("backup_log_kept_bytes", "PostgreSQL's log that a continuous backup has not fetched, at the most")
EVENT_LOOP_LAG = Gauge(
    "event_loop_lag_seconds", "By how much the event loop woke a sleeper late, at the most, in the last five seconds"
)
