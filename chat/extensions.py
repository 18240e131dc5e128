"""Handles made without an app; each concern's ``init_app`` binds its own to the app."""

from flask_babel import Babel
from flask_socketio import SocketIO

from chat.auth.login_manager import Logins
from chat.redis.client import Door

babel = Babel()
login_manager = Logins()
redis = Door()
socketio = SocketIO()
