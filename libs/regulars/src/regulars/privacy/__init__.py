"""What a person may ask for by law: erasure, and all that is kept of them (SEC-006)."""
