"""Paperwork that no service owns, kept as versions of named records."""
