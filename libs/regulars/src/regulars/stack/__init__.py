"""How does the local stack run? Each part is a child process: PostgreSQL, Kafka, the mail sink and the services."""
