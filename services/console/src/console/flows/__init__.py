"""Flows, what runs through them, and what they would have done."""
