"""Usage questions: about which order each customer is asked, and when."""
