"""The acknowledged writes, and the answers that every reader must get after them."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from chat.models.user import at_least

Fields = dict[str, Any]
# Parts of an answer by name, or None where the reader must be told that there is no such thing.
Answer = dict[str, Fields] | None
PAGE = 50


class Ask(NamedTuple):
    """One question that any reader, or only the one named, may put to any process."""

    noun: str
    id: str = ""
    by: str = ""

    @property
    def path(self) -> str:
        return PATHS[self.noun].format(self.id)


PATHS = {
    "me": "/api/me",
    "users": "/api/users?limit=1000",
    "person": "/api/users/{}",
    "channels": "/api/channels",
    "channel": "/api/channels/{}",
    "members": "/api/channels/{}/users",
    "history": "/api/channels/{}/messages",
}


@dataclass
class Human:
    id: str
    nickname: str
    role: str = "member"
    status: str = ""
    active: bool = True
    ended: bool = False  # the session that they registered with

    def shown(self) -> Fields:
        return {"nickname": self.nickname, "role": self.role, "status": self.status}


@dataclass
class Said:
    id: str
    seq: int
    author: str
    text: str
    edited: bool = False
    deleted: bool = False

    def shown(self) -> Fields:
        return vars(self).copy()


@dataclass
class Room:
    """``marks`` are its members and how far they have read; ``rev`` counts every change."""

    id: str
    slug: str
    name: str
    kind: str
    creator: str
    topic: str = ""
    archived: bool = False
    marks: dict[str, int] = field(default_factory=dict)
    said: dict[int, Said] = field(default_factory=dict)
    rev: int = 0

    @property
    def open(self) -> bool:
        return not self.archived

    @property
    def last_seq(self) -> int:
        return max(self.said, default=0)

    def visible_to(self, human: Human) -> bool:
        """An archived public channel is for its members, and for who may open it again."""
        if human.id in self.marks:
            return True
        return self.kind == "public" and (self.open or self._is_managed_by(human))

    def listed_for(self, reader: str) -> bool:
        return reader in self.marks or (self.kind == "public" and not self.archived)

    def managed_by(self, human: Human) -> bool:
        return self.kind != "direct" and self.visible_to(human) and self._is_managed_by(human)

    def _is_managed_by(self, human: Human) -> bool:
        return at_least(human.role, "moderator") or self.creator == human.id

    def unread(self, reader: str) -> int:
        mark = self.marks.get(reader, self.last_seq)
        later = (s for s in self.said.values() if s.seq > mark)
        return sum(s.author != reader and not s.deleted for s in later)

    def shown_to(self, reader: str) -> Fields:
        named = ("slug", "name", "topic", "kind", "archived", "last_seq")
        return {name: getattr(self, name) for name in named} | {
            "member": reader in self.marks,
            "unread": self.unread(reader),
            "last_read_seq": self.marks.get(reader, 0),
        }


class Truth:
    """Everybody and every channel of the installation."""

    def __init__(self) -> None:
        self.people: dict[str, Human] = {}
        self.rooms: dict[str, Room] = {}

    def answer(self, ask: Ask, reader: str) -> Answer:
        """What this reader must be answered by any process."""
        return getattr(self, f"_{ask.noun}")(ask.id, reader)  # type: ignore[no-any-return]

    def _sees(self, reader: str, room: Room) -> bool:
        return room.visible_to(self.people[reader])

    def _me(self, _id: str, reader: str) -> Answer:
        human = self.people[reader]
        return None if human.ended else {reader: human.shown()}

    def _users(self, _id: str, reader: str) -> Answer:
        return {human.id: human.shown() for human in self.people.values() if human.active}

    def _person(self, user_id: str, reader: str) -> Answer:
        human = self.people[user_id]
        return {human.id: human.shown()} if human.active else None

    def _channels(self, _id: str, reader: str) -> Answer:
        rooms = self.rooms.values()
        return {room.id: room.shown_to(reader) for room in rooms if room.listed_for(reader)}

    def _channel(self, channel_id: str, reader: str) -> Answer:
        room = self.rooms[channel_id]
        return {room.id: room.shown_to(reader)} if self._sees(reader, room) else None

    def _members(self, channel_id: str, reader: str) -> Answer:
        room = self.rooms[channel_id]
        active = [uid for uid in room.marks if self.people[uid].active]
        return {uid: {"member": True} for uid in active} if self._sees(reader, room) else None

    def _history(self, channel_id: str, reader: str) -> Answer:
        room = self.rooms[channel_id]
        if not self._sees(reader, room):
            return None
        newest = sorted(room.said.values(), key=lambda said: said.seq)[-PAGE:]
        page = {"page": {"rev": room.rev, "more": len(room.said) > PAGE}}
        return {said.id: said.shown() for said in newest} | page


def parse(ask: Ask, data: Any) -> Answer:
    """An answer of the API in the same form, with what the model knows of it."""
    match ask.noun:
        case "members":
            return {uid: {"member": True} for uid in data["users"]}
        case "history":
            revs = [message["rev"] for message in data["messages"]]
            page = {"page": {"rev": max(revs, default=0), "more": data["more"]}}
            return {m["id"]: _said(m) for m in data["messages"]} | page
        case "users" | "channels":
            return {row["id"]: _known(row) for row in data[ask.noun]}
        case _:
            return {data["id"]: _known(data)}


KNOWN = (
    "nickname", "role", "status", "slug", "name", "topic", "kind", "archived",
    "last_seq", "member", "unread", "last_read_seq",
)  # fmt: skip


def _known(row: Fields) -> Fields:
    return {name: row[name] for name in KNOWN if name in row}


def _said(message: Fields) -> Fields:
    same = {name: message[name] for name in ("id", "seq", "text", "deleted")}
    return same | {"author": message["author"]["id"], "edited": message["edited_at"] is not None}
