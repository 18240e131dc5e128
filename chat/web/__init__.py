"""What stands around Flask: gunicorn, middleware, limits and security headers."""
