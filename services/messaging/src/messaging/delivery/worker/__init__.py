"""Workers that hand messages to providers, and the desk that keeps their books."""
