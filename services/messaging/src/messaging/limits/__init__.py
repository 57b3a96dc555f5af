"""Limits on contact: caps, and the hours at which somebody may be written to."""
