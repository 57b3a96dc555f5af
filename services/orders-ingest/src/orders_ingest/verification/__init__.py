"""Verification of the tables against the topics that the service writes."""
