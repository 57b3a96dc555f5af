"""Backup and restore of an installation: all databases and topics as of one instant."""
