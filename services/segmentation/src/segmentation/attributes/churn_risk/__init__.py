"""The churn warning of a customer: abnormal change against the customer's own baseline (SEG-015)."""
