"""A year's plan in six phases, each with checks that the services' own state answers."""
