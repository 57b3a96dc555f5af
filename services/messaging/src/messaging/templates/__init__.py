"""Texts of messages, by language."""
