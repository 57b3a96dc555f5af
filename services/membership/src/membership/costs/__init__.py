"""What winning customers costs beside keeping them (ANA-024)."""
