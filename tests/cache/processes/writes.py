"""Every kind of write that people make; numbers choose among the possible ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from chat.models.user import at_least
from tests.cache.processes.installation import Installation
from tests.cache.processes.truth import Ask, Human, Room, Said
from tests.support.people import Person, new_message

ROLES = ("member", "moderator", "admin")


@dataclass
class Write:
    """A change: how it is asked for, and what is true once it has been acknowledged.

    Two writes may run at once if neither ``holds`` what the other holds or ``needs``: then their
    order does not matter. ``aims`` are the keys on which a race would be won.
    """

    what: str
    send: Callable[[int], Any]
    true: Callable[[Any], None]
    asks: tuple[Ask, ...]
    aims: tuple[str, ...]
    holds: frozenset[Any] = frozenset()
    needs: frozenset[Any] = frozenset()
    at_once: bool = True  # there is nothing between what was and what will be true

    def disturbs(self, other: "Write") -> bool:
        return bool(self.holds & (other.holds | other.needs) or self.needs & other.holds)


class Writes:
    """``choose(kind, a, b)``: one write of that kind, or None if none is possible."""

    def __init__(self, site: Installation, rooms: list[str]) -> None:
        self.site, self.truth, self.rooms = site, site.truth, rooms

    def choose(self, kind: str, a: int, b: int) -> Write | None:
        write: Write | None = getattr(self, kind)(a, b)
        return write

    # -- messages --

    def post(self, a: int, b: int) -> Write | None:
        room = pick(self._rooms(lambda r: not r.archived and self._members(r)), a)
        if room is None:
            return None
        author, text = pick(self._members(room), b), word()

        def said(answer: Any) -> None:
            row = answer.json()
            room.said[row["seq"]] = Said(row["id"], row["seq"], row["author"]["id"], text)
            room.rev += 1

        path = f"/api/channels/{room.id}/messages"
        return self._in_room(
            f"{self._name(author)} posts {text!r} in {room.name}", room,
            lambda at: self._person(author, at).post(path, new_message(text)), said,
            ("history", "channels", "channel"), ("messages:recent", "messages:tail"),
            needs={("open", room.id), ("seats", room.id), ("posts", room.id)},
        )  # fmt: skip

    def edit(self, a: int, b: int) -> Write | None:
        found = self._messages(lambda room, said, human: said.author == human.id and room.open)
        choice = pick(found, a * 7 + b)
        if choice is None:
            return None
        room, said, author = choice
        text, path = word(), f"/api/messages/{said.id}"

        def changed(_: Any) -> None:
            said.text, said.edited = text, True
            room.rev += 1

        return self._in_room(
            f"{author.nickname} edits {said.text!r} to {text!r} in {room.name}", room,
            lambda at: self._person(author.id, at).patch(path, {"text": text}),
            changed, ("history",), ("messages:recent",),
            holds={("message", said.id)}, needs={("open", room.id), ("seats", room.id)},
        )  # fmt: skip

    def delete(self, a: int, b: int) -> Write | None:
        found = self._messages(
            lambda room, said, human: said.author == human.id or at_least(human.role, "moderator")
        )
        choice = pick(found, a * 7 + b)
        if choice is None:
            return None
        room, said, human = choice

        def gone(_: Any) -> None:
            said.text, said.edited, said.deleted = "", False, True
            room.rev += 1

        return self._in_room(
            f"{human.nickname} deletes {said.text!r} in {room.name}", room,
            lambda at: self._person(human.id, at).delete(f"/api/messages/{said.id}"), gone,
            ("history", "channels", "channel"), ("messages:recent", "messages:tail"),
            holds={("message", said.id)}, needs={("seats", room.id), ("human", human.id)},
        )  # fmt: skip

    def read(self, a: int, b: int) -> Write | None:
        room = pick(self._rooms(lambda r: r.said and self._members(r)), a)
        if room is None:
            return None
        reader = pick(self._members(room), b)
        seq = room.last_seq - b % 2

        def marked(_: Any) -> None:
            room.marks[reader] = max(room.marks[reader], seq)

        return self._in_room(
            f"{self._name(reader)} reads up to {seq} in {room.name}", room,
            lambda at: self._person(reader, at).post(
                f"/api/channels/{room.id}/read", {"seq": seq}
            ),
            marked, ("channels", "channel"), ("users:marks", "messages:tail"),
            holds={("mark", room.id, reader)}, needs={("seats", room.id)},
        )  # fmt: skip

    # -- who belongs where --

    def join(self, a: int, b: int) -> Write | None:
        room = pick(self._rooms(lambda r: r.kind == "public" and r.open and self._others(r)), a)
        if room is None:
            return None
        guest = pick(self._others(room), b)
        return self._seat(
            room, guest, True, f"{self._name(guest)} joins {room.name}",
            lambda at: self._person(guest, at).post(f"/api/channels/{room.id}/join"),
        )  # fmt: skip

    def leave(self, a: int, b: int) -> Write | None:
        room = pick(self._rooms(lambda r: r.kind != "direct" and self._members(r)), a)
        if room is None:
            return None
        guest = pick(self._members(room), b)
        return self._seat(
            room, guest, False, f"{self._name(guest)} leaves {room.name}",
            lambda at: self._person(guest, at).post(f"/api/channels/{room.id}/leave"),
        )  # fmt: skip

    def add(self, a: int, b: int) -> Write | None:
        room = pick(
            self._rooms(
                lambda r: r.kind != "direct" and r.open and self._members(r) and self._others(r)
            ),
            a,
        )
        if room is None:
            return None
        host, guest = pick(self._members(room), b), pick(self._others(room), a + b)
        path = f"/api/channels/{room.id}/people/{guest}"
        return self._seat(
            room, guest, True, f"{self._name(host)} adds {self._name(guest)} to {room.name}",
            lambda at: self._person(host, at).post(path),
        )  # fmt: skip

    def remove(self, a: int, b: int) -> Write | None:
        found = [
            (room, host, uid)
            for room in self._rooms(lambda r: r.kind != "direct")
            for host in self._managers(room)
            for uid in self._members(room)
            if at_least(host.role, self.truth.people[uid].role) or room.creator == host.id
        ]
        choice = pick(found, a * 7 + b)
        if choice is None:
            return None
        room, host, guest = choice
        path = f"/api/channels/{room.id}/people/{guest}"
        return self._seat(
            room, guest, False,
            f"{host.nickname} removes {self._name(guest)} from {room.name}",
            lambda at: self._person(host.id, at).delete(path),
        )  # fmt: skip

    # -- channels --

    def create(self, a: int, b: int) -> Write | None:
        maker, kind = pick(self.site.readers, a), ("public", "private")[b % 2]
        name = f"room {word()}"

        def made(answer: Any) -> None:
            row = answer.json()
            self.truth.rooms[row["id"]] = Room(
                row["id"], row["slug"], name, kind, maker, marks={maker: 0}
            )
            self.rooms.append(row["id"])

        return Write(
            f"{self._name(maker)} makes the {kind} {name}",
            lambda at: self._person(maker, at).post(
                "/api/channels", {"name": name, "kind": kind}
            ),
            made, (Ask("channels"),), ("cache:channels:list", *self._keys("users:marks", "")),
            at_once=False,
        )  # fmt: skip

    def rename(self, a: int, b: int) -> Write | None:
        name = f"room {word()}"

        def renamed(room: Room, answer: Any) -> None:
            room.name, room.slug = name, answer.json()["slug"]

        return self._change_channel(a, b, {"name": name}, renamed)

    def describe(self, a: int, b: int) -> Write | None:
        topic = word()
        return self._change_channel(
            a, b, {"topic": topic}, lambda room, _: setattr(room, "topic", topic)
        )

    def archive(self, a: int, b: int) -> Write | None:
        choice = pick(self._managed(lambda r: r is not self.site.general), a * 7 + b)
        if choice is None:
            return None
        room, host = choice
        archived = room.open

        def closed(_: Any) -> None:
            room.archived = archived

        return self._in_room(
            f"{host.nickname} {'archives' if archived else 'opens'} {room.name}", room,
            lambda at: self._person(host.id, at).post_form(
                f"/channels/{room.slug}/archive", archived=str(int(archived))
            ),
            closed, ("channels", "channel", "members", "history"), ("channels:list",),
            holds={("channel", room.id), ("open", room.id)},
            needs={("seats", room.id), *(("human", uid) for uid in self.site.readers)},
        )  # fmt: skip

    # -- people --

    def role(self, a: int, b: int) -> Write | None:
        uid, role = pick(self.site.readers[1:], a), ROLES[b % 3]
        human = self.truth.people[uid]
        write = self._about(
            human, f"{human.nickname} is made {role}",
            lambda at: self._form(at, f"/admin/people/{uid}/role", role=role),
            lambda _: setattr(human, "role", role), holds={("human", uid)},
        )  # fmt: skip
        archived = [room.id for room in self._rooms(lambda room: room.archived)]
        nouns = ("channel", "members", "history")
        write.asks += tuple(Ask(noun, room, by=uid) for room in archived for noun in nouns)
        return write

    def status(self, a: int, b: int) -> Write | None:
        uid, status = pick(self.site.readers, a), word()
        human = self.truth.people[uid]
        return self._about(
            human, f"{human.nickname} is {status!r}",
            lambda at: self._person(uid, at).patch("/api/me", {"status": status}),
            lambda _: setattr(human, "status", status), holds={("status", uid)},
        )  # fmt: skip

    def standing(self, a: int, b: int) -> Write | None:
        """Lock somebody out who has registered, or let them in again."""
        spare = [uid for uid in self.truth.people if uid not in self.site.readers]
        uid = pick(spare, a)
        if uid is None:
            return self.register(a, b)
        human = self.truth.people[uid]
        active = not human.active

        def stands(_: Any) -> None:
            human.active, human.ended = active, True

        what = "reactivate" if active else "deactivate"
        write = self._about(
            human, f"olga: {what} {human.nickname}",
            lambda at: self._form(at, f"/admin/people/{uid}/{what}"), stands,
            holds={("human", uid)},
        )  # fmt: skip
        rooms = [room.id for room in self.truth.rooms.values() if uid in room.marks]
        write.asks += (*(Ask("members", room) for room in rooms), Ask("me", by=uid))
        return write

    def register(self, a: int, b: int) -> Write | None:
        nickname = f"guest-{word()}"

        def register(at: int) -> Any:
            guest = Person(self.site.urls[at], nickname)
            return guest.register(self.site.invite)

        def registered(guest: Person) -> None:
            self.site.enter(guest)
            guest.close()

        asks = (Ask("users"), Ask("members", self.site.general.id))
        return Write(
            f"{nickname} registers", register, registered, asks,
            ("cache:users:list", f"cache:channel:users:{self.site.general.id}"),
            needs=frozenset({("posts", self.site.general.id)}), at_once=False,
        )  # fmt: skip

    # -- parts of the above --

    def _change_channel(
        self, a: int, b: int, fields: dict[str, str], then: Callable[[Room, Any], None]
    ) -> Write | None:
        choice = pick(self._managed(lambda r: r.open), a * 7 + b)
        if choice is None:
            return None
        room, host = choice
        return self._in_room(
            f"{host.nickname} changes {room.name} to {fields}", room,
            lambda at: self._person(host.id, at).patch(f"/api/channels/{room.id}", fields),
            lambda answer: then(room, answer), ("channels", "channel"), ("channels:list",),
            holds={("channel", room.id)},
            needs={("open", room.id), ("seats", room.id), ("human", host.id)},
        )  # fmt: skip

    def _seat(
        self, room: Room, guest: str, comes: bool, what: str, send: Callable[[int], Any]
    ) -> Write:
        def seated(_: Any) -> None:
            if comes:
                room.marks[guest] = room.last_seq
            else:
                del room.marks[guest]

        write = self._in_room(
            what, room, send, seated, ("members", "channels", "channel", "history"),
            ("channel:users", "users:marks"), holds={("seats", room.id), ("posts", room.id)},
            needs={("open", room.id)},
        )  # fmt: skip
        write.at_once = room.kind == "public"
        return write

    def _in_room(
        self,
        what: str,
        room: Room,
        send: Callable[[int], Any],
        true: Callable[[Any], None],
        nouns: Iterable[str],
        aims: Iterable[str],
        holds: Iterable[Any] = (),
        needs: Iterable[Any] = (),
    ) -> Write:
        asks = tuple(Ask(noun, "" if noun == "channels" else room.id) for noun in nouns)
        keys = tuple(key for aim in aims for key in self._keys(aim, room.id))
        return Write(what, send, true, asks, keys, frozenset(holds), frozenset(needs))

    def _keys(self, aim: str, channel_id: str) -> list[str]:
        of = self.site.readers if aim == "users:marks" else [channel_id]
        return (
            ["cache:channels:list"]
            if aim == "channels:list"
            else [f"cache:{aim}:{one}" for one in of]
        )

    def _about(
        self,
        human: Human,
        what: str,
        send: Callable[[int], Any],
        true: Callable[[Any], None],
        holds: Iterable[Any],
    ) -> Write:
        own = (Ask("me"),) if human.id in self.site.readers else ()
        aims = (f"cache:users:profile:{human.id}", "cache:users:list")
        asks = (Ask("users"), Ask("person", human.id), *own)
        return Write(what, send, true, asks, aims, frozenset(holds))

    def _person(self, uid: str, at: int) -> Person:
        return self.site.browsers[uid].at[at]

    def _form(self, at: int, path: str, **fields: str) -> Any:
        return self.site.owner.at[at].post_form(path, **fields)

    def _name(self, uid: str) -> str:
        return self.truth.people[uid].nickname

    def _rooms(self, which: Callable[[Room], Any]) -> list[Room]:
        return [room for room in map(self.truth.rooms.__getitem__, self.rooms) if which(room)]

    def _members(self, room: Room) -> list[str]:
        return [uid for uid in self.site.readers if uid in room.marks]

    def _others(self, room: Room) -> list[str]:
        return [uid for uid in self.site.readers if uid not in room.marks]

    def _managers(self, room: Room) -> list[Human]:
        humans = map(self.truth.people.__getitem__, self.site.readers)
        return [human for human in humans if room.managed_by(human)]

    def _managed(self, which: Callable[[Room], Any]) -> list[tuple[Room, Human]]:
        return [(room, host) for room in self._rooms(which) for host in self._managers(room)]

    def _messages(
        self,
        which: Callable[[Room, Said, Human], Any],
    ) -> list[tuple[Room, Said, Human]]:
        return [
            (room, said, human)
            for room in self._rooms(lambda r: True)
            for said in room.said.values()
            for human in map(self.truth.people.__getitem__, self.site.readers)
            if not said.deleted and room.visible_to(human) and which(room, said, human)
        ]


KINDS = (
    "post", "post", "edit", "delete", "read", "join", "leave", "add", "remove",
    "create", "rename", "describe", "archive", "role", "status", "standing",
)  # fmt: skip


def pick(choices: list[Any], number: int) -> Any:
    """One of them, or None if there is none."""
    return choices[number % len(choices)] if choices else None


def word() -> str:
    return uuid4().hex[:8]
