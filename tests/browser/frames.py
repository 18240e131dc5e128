"""Intercepts a page's socket, to lose or refuse chosen messages."""

import re

from tests.browser.person import Person

SOCKET = re.compile(r"/socket\.io/")
POST = re.compile(r'42(\d+)\["message:post"')


def refuse_next_post(person: Person, error: str, detail: str) -> None:
    """The person's next message is answered with this refusal; later ones go through."""
    refused: list[str] = []

    def between(socket) -> None:
        server = socket.connect_to_server()

        def to_server(frame: str) -> None:
            post = POST.match(frame)
            if post and not refused:
                refused.append(frame)
                socket.send(f'43{post[1]}[{{"ok":false,"error":"{error}","detail":"{detail}"}}]')
            else:
                server.send(frame)

        socket.on_message(to_server)

    _stand(person, between)


def lose_next_acknowledgement(person: Person) -> list[str]:
    """The person's next message reaches the server; the connection dies before the answer.

    Returns a list that holds the lost answer once that has happened.
    """
    lost: list[str] = []

    def between(socket) -> None:
        server = socket.connect_to_server()
        asked: list[str] = []

        def to_server(frame: str) -> None:
            post = POST.match(frame)
            if post and not lost:
                asked.append(post[1])
            server.send(frame)

        def to_page(frame: str) -> None:
            if asked and not lost and frame.startswith(f"43{asked[0]}["):
                lost.append(frame)
                socket.close()
            elif not asked or lost:
                socket.send(frame)

        socket.on_message(to_server)
        server.on_message(to_page)

    _stand(person, between)
    return lost


def no_sockets(person: Person) -> None:
    """No socket of this page ever opens, as behind a proxy that forbids them."""
    _stand(person, lambda socket: socket.close(), online=False)


def _stand(person: Person, between, online: bool = True) -> None:
    person.page.route_web_socket(SOCKET, between)
    person.page.reload()
    if online:
        person.online()
