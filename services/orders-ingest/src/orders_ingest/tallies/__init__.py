"""Counts by shop and hour: what was told and refused, and how far checkouts got."""
