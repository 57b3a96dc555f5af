"""The channel `phone`: tasks for people who call."""
