"""Webhooks of shop systems: each vendor is a folder and its name in `registry.py`."""
