"""TLS and logins."""
