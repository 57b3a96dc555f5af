"""Refunds: each counts once for its order's customer, waits for its order, or is set aside."""
