"""Customers who are one person: who absorbed whom, and whose inputs are folded into whose state (ORD-040)."""
