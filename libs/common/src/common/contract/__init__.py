"""The contract as documents: JSON Schema of every event, checked for compatibility, and AsyncAPI of the bus."""
