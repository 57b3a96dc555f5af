"""Offers and their coupons: what is on, what it brought, and where offers overlap."""
