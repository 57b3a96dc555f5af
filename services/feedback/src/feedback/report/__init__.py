"""Counts of a shop: questions, answers and reviews."""
