"""Windows of the day in which marketing and surveys may leave."""
