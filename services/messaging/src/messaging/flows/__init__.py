"""Flows: which event asks for which message."""
