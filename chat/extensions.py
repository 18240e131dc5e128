"""Handles made without an app; each concern's ``init_app`` binds its own to the app."""

from flask_babel import Babel
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_socketio import SocketIO

from chat.redis.client import Door

babel = Babel()
limiter = Limiter(key_func=get_remote_address)
login_manager = LoginManager()
redis = Door()
socketio = SocketIO()
