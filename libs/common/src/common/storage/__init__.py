"""PostgreSQL: transactions, migrations, and which of its errors pass."""
