"""Who brings whom, the partners among members, and what is paid out to them."""
