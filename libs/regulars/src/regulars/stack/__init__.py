"""The local stack: PostgreSQL, Kafka, the mail sink and the services, each a child process."""
