"""Health of the services, and events that could not be taken."""
