"""Signing in and out, invitations, the second factor, a person's own page."""
