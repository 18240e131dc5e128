"""WebSocket transport: handshakes, frames, send queues. Replaces slow parts of the libraries."""

from flask_socketio import SocketIO

socketio = SocketIO()  # bound to the app by ``chat.realtime.init_app``
