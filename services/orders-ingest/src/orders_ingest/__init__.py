"""What do shops tell us? Orders, customers and activity, over HTTP, Kafka and files, taken once and published."""
