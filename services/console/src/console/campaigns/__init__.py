"""Campaigns, how far they are, and what they brought."""
