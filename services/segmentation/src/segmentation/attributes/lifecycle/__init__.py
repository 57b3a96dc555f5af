"""The life cycle of a customer: active to dead, in usual gaps (SEG-009 to SEG-013)."""
