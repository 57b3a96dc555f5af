"""What is granted in whichever way, as one sum: compensation, rewards for reviews, rewards for content (SEC-012)."""
