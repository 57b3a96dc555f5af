"""What members get for having been members so long (MEM-025)."""
