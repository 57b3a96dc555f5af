"""What shops and customers hand in: reviews, and answers to surveys."""
