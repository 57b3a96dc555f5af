"""The state of each customer, and how single customers and lists of them are read."""
