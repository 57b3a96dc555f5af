"""The metrics that every service publishes, each under one name with its help."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_AGES = (0.05, 0.1, 0.3, 0.5, 1, 1.5, 3, 5, 10, 30, 60, 300, 3600, 86400)

OUTBOX_UNPUBLISHED = Gauge("outbox_unpublished_rows", "Facts that no broker has acknowledged yet")
OUTBOX_OLDEST = Gauge("outbox_oldest_unpublished_seconds", "Age of the oldest fact not acknowledged; 0 without one")
OUTBOX_DEAD = Gauge("outbox_dead_rows", "Facts the broker refuses for good, such as one too large")
INBOX_DUPLICATES = Counter("inbox_duplicates_total", "Repeated deliveries that were dropped", ["consumer"])
EVENTS_APPLIED = Counter("events_applied_total", "Events that counted", ["consumer", "type"])
LATE_INPUTS = Counter(
    "late_inputs_total", "Inputs that came out of order and made a customer be folded anew", ["consumer"]
)
DEAD_EVENTS = Gauge("dead_events", "Dead events that nobody has sent again", ["consumer"])
EVENT_AGE = Histogram("event_age_seconds", "From an event's time to its being counted", ["consumer"], buckets=_AGES)
SET_ASIDE = Gauge("sweep_tasks_set_aside", "Due work of customers that failed and is tried again later", ["job"])
CONSUMER_ASSIGNED = Gauge("consumer_assigned_partitions", "Partitions this process holds")
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
EVENT_LOOP_LAG = Gauge("event_loop_lag_seconds", "How late the event loop last woke a sleeper")
