"""What texts say: topics, sentiment, signals of buyer types, expectation; by rules and by a model of the shop's own."""
