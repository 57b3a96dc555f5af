"""Customers: search by id, one page per customer, the ledger."""
