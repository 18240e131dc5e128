"""Sockets as bytes: handshakes, frames and queues. It replaces parts of the library for speed."""

from flask_socketio import SocketIO

socketio = SocketIO()  # bound to the app by ``chat.realtime.init_app``
