"""Erasure of what customers wrote."""
