"""Segments: the customers of one value of an attribute."""
