"""The purchases of a customer: orders and refunds, and running sums over them."""
