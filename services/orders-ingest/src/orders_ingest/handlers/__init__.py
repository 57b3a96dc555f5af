"""What comes in over the shops' own Kafka topics."""
