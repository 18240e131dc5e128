"""The layers around Flask: gunicorn, WSGI middleware, rate limits and security headers."""
