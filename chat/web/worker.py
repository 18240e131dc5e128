"""The gunicorn worker. It reports the connections it waits for (``chat.web.slow_senders``)."""

from typing import Any

from gunicorn.workers.ggevent import GeventWorker

from chat.request import client_address
from chat.web.slow_senders import ANYBODY, arrivals


class Worker(GeventWorker):  # type: ignore[misc]
    """One worker process."""

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection, from its first byte to its last."""
        direct = isinstance(addr, tuple) and not self.wsgi.config["TRUSTED_PROXIES"]
        try:
            arrivals.begin(client, client_address.network(addr[0]) if direct else ANYBODY)
            super().handle(listener, client, addr)
        finally:
            arrivals.end(client)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Serve one request whose headers have arrived; meanwhile the connection does not wait."""
        arrivals.end(sock)
        going_on = super().handle_request(listener_name, req, sock, addr)
        arrivals.begin(sock)
        return going_on
