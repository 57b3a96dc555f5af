"""What the answers to a form come to: response, scores, NPS, counts by choice, ratings by agent."""
