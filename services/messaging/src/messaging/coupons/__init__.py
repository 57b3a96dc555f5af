"""Coupons of customers, as membership tells of them: what a message may name, and whether it may still be used."""
