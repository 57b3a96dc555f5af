"""Erasure of customers: who was asked for, what was removed here, and which services have confirmed (SEC-006)."""
