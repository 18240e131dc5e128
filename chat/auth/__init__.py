"""Authentication and authorization: the current user, permissions, passwords and sessions."""
