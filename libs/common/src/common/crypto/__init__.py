"""Encryption: sealed fields and the keys of customers."""
