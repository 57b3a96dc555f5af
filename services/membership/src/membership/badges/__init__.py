"""Signed badges: a member's tier and privileges as a picture that a shop page shows (MEM-024)."""
