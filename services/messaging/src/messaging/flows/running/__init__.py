"""Customers on their way through a flow: runs, their moves, and what makes them move."""
