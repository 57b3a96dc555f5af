"""What customers' texts speak of."""
