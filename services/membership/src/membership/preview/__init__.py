"""A programme tried on the members before it is saved (MEM-023)."""
