"""Contact data of customers, and their addresses by channel."""
