"""Whose a session was when it was last used: a guess, checked each time before it counts.

It lets a process ask for a session and for what its owner is going to need in one round trip
(``chat.web.prefetch``, ``chat.web.response_cache.middleware``).
"""

from collections import OrderedDict

MOST = 20_000


class Callers:
    """The persons who came last, by their sessions."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, str] = OrderedDict()

    def get(self, sid: str) -> str | None:
        """The id of the person who probably comes with this session."""
        return self._kept.get(sid)

    def put(self, sid: str, user_id: str) -> None:
        """This person came with this session."""
        self._kept[sid] = user_id
        self._kept.move_to_end(sid)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)

    def drop(self, sid: str) -> None:
        """It was a wrong guess."""
        self._kept.pop(sid, None)


callers = Callers()
