"""A member's orders and what they come to."""
