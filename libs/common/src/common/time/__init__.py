"""Clocks and the calendar of shops."""
