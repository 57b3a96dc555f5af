"""The RFM score of a customer: recency, frequency, monetary value (SEG-019, SEG-020)."""
