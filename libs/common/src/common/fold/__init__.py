"""The fold of a customer's inputs into the customer's state."""
