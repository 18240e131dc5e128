"""A team with something to say, in English and Russian, for the screenshots.

Run with MONGODB_URI of an empty database and the REDIS_URL of a server that may be emptied. Written
through the services, so that everything is as people would have made it; only the times are moved
into the past afterwards, behind the caches' back.
"""

# ruff: noqa: E501 - people write long lines
from __future__ import annotations

if __name__ == "__main__":  # a program of its own, and not what imports its names
    from gevent import monkey

    monkey.patch_all()

import os
import secrets
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

PASSWORD = "demo-password-1"
OWNER = "Anna"
PEOPLE = ["Иван.Петров", "Maria", "Дмитрий", "tomasz_k", "Ольга", "Li-Wei", "Sam"]

LONG_CODE = '''The retry now looks like this. The long line is the one from the ticket:

```python
from collections.abc import Iterator

RETRIES = 5  # more than this and people notice


class Backoff:
    """Waits that grow, with jitter."""

    def __init__(self, first: float = 0.1, most: float = 30.0) -> None:
        self.first, self.most = first, most

    def __iter__(self) -> Iterator[float]:
        wait = self.first
        for attempt in range(RETRIES):
            yield min(wait, self.most) * (1 + random.random())  # everybody coming back at the same instant is what took us down in March
            wait *= 2
```

`Backoff()` is used in **two** places; both are covered.'''

GENERAL = [
    # (minutes ago, who, text)
    (
        3010,
        "Anna",
        "Welcome, everybody! This is where we talk about everything that has no channel of its own.",
    ),
    (
        3002,
        "Maria",
        "Hello from the train :) Signal comes and goes, but nothing gets lost, it seems.",
    ),
    (3001, "Maria", "Yes: I wrote this one in a tunnel."),
    (
        2980,
        "Иван.Петров",
        "Всем привет! Наконец-то всё в одном месте, и письма можно больше не искать.",
    ),
    (
        1570,
        "tomasz_k",
        "The office is closed on Friday, the landlord checks the *heating*. Work from wherever you like.",
    ),
    (
        1566,
        "Ольга",
        "Тогда созвон в пятницу переносим на 11:00?\n\n> Work from wherever you like\n\nЯ буду на даче, связь там хорошая.",
    ),
    (1565, "Anna", "11:00 is good."),
    (
        190,
        "Дмитрий",
        "Выкатил новую версию на стенд. Что проверить в первую очередь:\n\n1. вход по приглашению\n2. восстановление связи после сна\n3. длинные сообщения с кодом",
    ),
    (188, "Дмитрий", "Журнал изменений лежит здесь: https://example.com/changes/2026-11"),
    (
        175,
        "Li-Wei",
        "First two are fine here. For the third one: a very long line scrolls inside its box, the page does not move.",
    ),
    (
        62,
        "Anna",
        "Great work. I will write the announcement: ~~tomorrow~~ **today**, before lunch.",
    ),
    (61, "Anna", "Draft is in `docs/announcement.md`, comments welcome."),
    (24, "Maria", "Read it. One thing: say *how long* it takes to set up. People always ask."),
    (
        9,
        "Иван.Петров",
        "Согласен с Марией. И добавьте снимок экрана, без него никто не поверит, что это так просто.",
    ),
    (8, "Иван.Петров", "Могу сделать сегодня вечером."),
    (3, "Sam", "I can record a short video too, if that helps."),
]

ENGINEERING = [
    (420, "tomasz_k", "Does anybody remember why the client waits 30 seconds after a restart?"),
    (
        415,
        "Дмитрий",
        "Потому что все возвращались одновременно. Сейчас исправлю, там не хватает случайной задержки.",
    ),
    (350, "Дмитрий", LONG_CODE),
    (348, "tomasz_k", "Much better, thank you."),
    (
        340,
        "Li-Wei",
        "```sql\nselect channel, count(*) as messages\nfrom archive\nwhere created_at > now() - interval '1 day'\ngroup by channel\norder by messages desc;\n```",
    ),
    (339, "Li-Wei", "This is what the numbers from yesterday come from."),
    (12, "tomasz_k", "oops, wrong channel"),
]

DIRECT = [
    (95, "Maria", "Do you have ten minutes before the meeting?"),
    (94, "Anna", "Yes, at a quarter to."),
    (93, "Maria", "Отлично. Тогда покажу, что получилось с новой страницей."),
    (15, "Maria", "Ready when you are."),
]


def main() -> None:
    """Fills the database."""
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(32))
    from app import create_app

    app = create_app()
    with app.test_request_context("/"):
        Demo().build()


class Demo:
    """The site under construction."""

    def __init__(self) -> None:
        self.people: dict[str, SimpleNamespace] = {}
        self.times: dict[str, datetime] = {}

    def build(self) -> None:
        """People, channels, talk, and what the owner has not read yet."""
        from chat.services import accounts, channels, directs, messages

        made = accounts.set_up("Northwind", OWNER, PASSWORD)
        self.add_person(made["user"])
        for nickname in PEOPLE:
            self.add_person(accounts.register(nickname, PASSWORD, made["invite"]["code"]))
        anna = self.people[OWNER]
        accounts.set_role(anna, self.people["Maria"].id, "admin")
        accounts.set_role(anna, self.people["Дмитрий"].id, "moderator")
        accounts.update_settings(self.people["Ольга"], status="На даче до понедельника")
        accounts.update_settings(self.people["tomasz_k"], status="Heads down")
        general = channels.update(
            anna, made["channel"]["id"], topic="Everything that has no channel of its own"
        )
        engineering = self.channel("engineering", "How it is built, and why")
        design = self.channel("дизайн", "Макеты, цвета и споры об отступах")
        self.channel("Ideas", "Half-baked is fine")
        leads = self.channel("leads", "", "private", ["Maria"])
        self.channel("музыка-для-работы-и-длинных-поездок", "", by="Ольга", members=[])
        self.talk(general, GENERAL)
        self.talk(engineering, ENGINEERING)
        self.talk(
            design,
            [
                (70, "Ольга", "Новые макеты готовы, жду замечаний."),
                (66, "Maria", "Looks calm. I like it."),
            ],
        )
        self.talk(leads, [(300, "Maria", "Budget numbers are in.")])
        direct = directs.open_direct(anna, [self.people["Maria"].id])
        self.talk(direct, DIRECT)
        group = directs.open_direct(anna, [self.people[n].id for n in ("Иван.Петров", "Ольга")])
        self.talk(group, [(500, "Ольга", "Встречаемся у входа в 9:40.")])
        self.polish(engineering)
        for channel, behind in ((general, 4), (design, 0), (leads, 0), (group, 0)):
            last = channels.view_for(anna, channel)["last_seq"]
            messages.mark_read(anna, channel["id"], last - behind)
        messages.mark_read(anna, engineering["id"], 99)
        self.move_into_the_past()

    def add_person(self, profile: dict) -> None:
        """Remembers somebody in the shape that services want."""
        from chat.auth.account import Account

        self.people[profile["nickname"]] = Account(profile)

    def channel(
        self,
        name: str,
        topic: str,
        kind: str = "public",
        members: list[str] | None = None,
        by: str = OWNER,
    ) -> dict:
        """A channel with its people; everybody when nobody is named."""
        from chat.services import channels

        view = channels.create(self.people[by], name, topic=topic, kind=kind)
        for nickname in PEOPLE if members is None else members:
            channels.add_person(self.people[by], view["id"], self.people[nickname].id)
        return view

    def talk(self, channel: dict, lines: list[tuple[int, str, str]]) -> None:
        """Posts the lines in order."""
        from chat.services import messages

        for minutes, nickname, text in lines:
            message, _created = messages.post(
                self.people[nickname], channel["id"], text, secrets.token_urlsafe(12)
            )
            self.times[message["id"]] = datetime.now(UTC) - timedelta(minutes=minutes)

    def polish(self, engineering: dict) -> None:
        """One edited message, one deleted."""
        from chat.services import messages

        found, _more = messages.history(self.people["tomasz_k"], engineering["id"])
        messages.edit(self.people["tomasz_k"], found[0]["id"], found[0]["text"] + " It feels long.")
        messages.delete(self.people["tomasz_k"], found[-1]["id"])

    def move_into_the_past(self) -> None:
        """Times of the story; then nothing of what was cached before may stay."""
        from bson import ObjectId
        from redis import Redis

        from chat.models import Message

        for message_id, moment in self.times.items():
            Message._get_collection().update_one(
                {"_id": ObjectId(message_id)}, {"$set": {"created_at": moment}}
            )
        Redis.from_url(os.environ["REDIS_URL"]).flushall()


if __name__ == "__main__":
    main()
