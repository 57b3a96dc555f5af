"""Profiles of customers as the shop says them: gender, region, city and its level (SEG-037 to 042)."""
