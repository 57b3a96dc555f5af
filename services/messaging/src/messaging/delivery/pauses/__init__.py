"""Pauses of a channel after its provider refused us."""
