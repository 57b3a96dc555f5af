"""Signing in by the shop's own identity provider (OpenID Connect), beside names and passwords."""
