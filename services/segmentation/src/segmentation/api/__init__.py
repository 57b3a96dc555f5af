"""HTTP: customers and segments, the report, the thresholds."""
