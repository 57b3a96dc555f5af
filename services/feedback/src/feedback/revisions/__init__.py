"""What goes on step by step (staff tasks, content, claims of rewards), kept a row a revision."""
