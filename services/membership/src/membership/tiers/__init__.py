"""The tier held and its term: qualification, review, grace, downgrade, a new ladder."""
