"""Customers who are tired of messages get fewer of them, on all channels together."""
