"""What are the rules of membership? Values and pure functions, without I/O."""
