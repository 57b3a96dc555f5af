"""The archive: every event that was taken, as it came, encrypted."""
