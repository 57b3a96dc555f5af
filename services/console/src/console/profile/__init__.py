"""What a customer is like: traits, buyer type, tags, segments; for staff."""
