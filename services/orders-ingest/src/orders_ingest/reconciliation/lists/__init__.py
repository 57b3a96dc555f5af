"""Lists of orders of shop systems, asked page by page over their APIs."""
