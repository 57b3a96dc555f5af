"""Versions of what an operator sets, each in force from an instant."""
