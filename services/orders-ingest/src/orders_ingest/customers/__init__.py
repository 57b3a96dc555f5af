"""Customers' profiles and consents as they stand."""
