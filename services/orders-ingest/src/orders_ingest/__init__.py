"""Orders, customers and activity as shops send them, over HTTP, Kafka and files, taken once and published."""
