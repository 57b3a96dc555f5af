"""Decisions about messages: send, hold, or suppress with a reason."""
