"""The metrics that membership publishes beside those of every service."""

from __future__ import annotations

from prometheus_client import Gauge

LEDGER_IMBALANCE = Gauge(
    "ledger_imbalance_minor_units", "Debits less credits over all ledgers; must be 0", ["currency"]
)
