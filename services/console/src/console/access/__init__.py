"""Who may see and do what: roles, people, sessions, forms."""
