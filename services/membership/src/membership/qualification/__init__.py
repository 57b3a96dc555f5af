"""What leads to a tier, summed by time."""
