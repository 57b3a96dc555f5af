"""Reviews of orders and products."""
