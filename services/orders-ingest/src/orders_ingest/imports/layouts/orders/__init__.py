"""The generic layout of orders: a row is a line of an order, and its columns are found by their names."""
