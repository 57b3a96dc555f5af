"""The service messaging: who is written to, when, and why not."""
