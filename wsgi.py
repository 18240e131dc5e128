"""What gunicorn serves and `flask --app wsgi` talks to."""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket or takes a lock is imported

import sys

from app import create_app
from chat.config.parsers import ConfigError

UNUSABLE = 3  # gunicorn takes this from a worker as "no other one will do better"

try:
    app = create_app()
except ConfigError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(UNUSABLE)
