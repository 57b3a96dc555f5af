"""Signed tokens, of which the links in messages are made."""
