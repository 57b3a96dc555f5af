"""What becomes of what was offered, wherever it came from: one path for HTTP, Kafka and files."""
