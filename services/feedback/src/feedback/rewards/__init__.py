"""Claims of rewards for reviews: what a review must have, once an order, decided by a person."""
