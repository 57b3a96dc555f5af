"""Caps on messages a month, a channel and an address."""
