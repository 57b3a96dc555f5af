"""Checkout: one price for a cart by tier, quota, coupons and points, and its reservation by order (issue 13)."""
