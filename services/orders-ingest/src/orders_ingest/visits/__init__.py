"""Visits of the shop by hour and source (ORD-029)."""
