"""Erasure and export of one customer."""
