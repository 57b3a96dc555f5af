"""Customers' tiers, as membership announces them."""
