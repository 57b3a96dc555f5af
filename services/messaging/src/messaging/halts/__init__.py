"""Campaigns that are halted: which, since when, and what they held back."""
