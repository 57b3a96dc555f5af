"""Reconciliation: a shop's own list of orders compared with ours, and what was missed applied once (L5)."""
