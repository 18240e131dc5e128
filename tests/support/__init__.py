"""Real servers, real processes and the people who use them."""
