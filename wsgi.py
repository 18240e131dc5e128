"""What gunicorn serves and `flask --app wsgi` talks to."""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket or takes a lock is imported

from app import create_app

app = create_app()
