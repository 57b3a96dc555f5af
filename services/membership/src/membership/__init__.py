"""Membership of a shop's customers: tiers, points, growth and their ledgers."""
