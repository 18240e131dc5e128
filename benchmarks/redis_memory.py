"""How much memory Redis needs when everything is warm.

There are 10,000 people, 500 channels and 1,000,000 messages. All that the product keeps is read
once through its own caches (`/bench/warm`): the list of people, every profile, session and person's
marks, every channel's members, newest messages and tail. Lifetimes are set to an hour, so nothing
expires meanwhile: this is the most there can be. Then `used_memory` of the server, less what it had
when it was empty. What each family of keys takes is the sum of MEMORY USAGE over all its keys; the
rest is the server's own tables.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from itertools import islice, zip_longest
from typing import Any

import requests

from benchmarks import crowded, gauge, report
from benchmarks.crowded import Town
from benchmarks.stage import App
from chat.redis_schema import keys

MOST_MB, MB = 64, 1_000_000
BATCH, AT_ONCE = 100, 4
LIFETIMES = ("USERS", "ONLINE", "CHANNELS", "CHANNEL_USERS", "MESSAGES", "EMOJI")
FENCE = {"v:{*": "version tokens (v:)", "w:{*": "writes under way (w:)"}


def run(quick: bool = False) -> None:
    stage = crowded.stage()
    town = crowded.talkative(quick)
    app = stage.app(uri=town.uri, **{f"TTL_{name}": "3600" for name in LIFETIMES})
    valkey = stage.valkey(app)
    assert valkey is not None
    with valkey.client() as client:
        app.get("/api/me", town.masses.members[0])  # connections and scripts belong to an empty one
        client.flushdb()
        empty, worker = client.info("memory")["used_memory"], gauge.resident_kib(app.worker)
        report.say("redis_memory: reading everything")
        _warm(app, town)
        full, grown = client.info("memory")["used_memory"], gauge.resident_kib(app.worker)
        count, size = _families(client)
    app.stop()
    _print(town, count, size, full - empty, (worker, grown))


def _warm(app: App, town: Town) -> None:
    people = _batches(str(oid) for oid in town.masses.people)
    sids = _batches(member.sid for member in town.masses.members)
    places = _batches(place.id for place in town.masses.places)
    bodies = [
        {"people": ids, "sessions": sessions, "channels": channels}
        for ids, sessions, channels in zip_longest(people, sids, places, fillvalue=[])
    ]
    headers = _headers(town)

    def post(body: dict[str, list[str]]) -> None:
        answer = requests.post(f"{app.url}/bench/warm", json=body, headers=headers, timeout=120)
        if not answer.ok:
            raise RuntimeError(f"{answer.status_code}\n{answer.text[:500]}\n{app.tail()}")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(post, bodies))


def _headers(town: Town) -> dict[str, str]:
    member = town.masses.members[0]
    return {"Cookie": member.cookie, "X-CSRFToken": member.csrf}


def _batches(values: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(values)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _families(client: Any) -> tuple[Counter[str], Counter[str]]:
    """How many keys each family has, and how many bytes they take."""
    count, size = Counter[str](), Counter[str]()
    for names in _batches(client.scan_iter(count=1000)):
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.memory_usage(name, samples=0)
        for name, used in zip(names, pipe.execute(), strict=True):
            family = _family(name)
            count[family] += 1
            size[family] += used or 0
    return count, size


def _family(name: str) -> str:
    for pattern, title in FENCE.items():
        if fnmatchcase(name, pattern):
            return title
    declared = (structure.name for structure in keys.STRUCTURES)
    return next((pattern for pattern in declared if fnmatchcase(name, pattern)), "others")


def _print(
    town: Town, count: Counter[str], size: Counter[str], used: int, worker: tuple[float, float]
) -> None:
    rows: list[tuple[object, ...]] = [
        (family, count[family], used / MB, used / count[family])
        for family, used in size.most_common()
    ]
    rows.append(("the server's own tables", None, (used - size.total()) / MB, None))
    rows.append((f"all together (target < {MOST_MB} MB)", count.total(), used / MB, None))
    have = town.masses.size
    report.table(
        f"redis_memory: {have.people:,} people, {have.channels:,} channels, {have.messages:,} "
        "messages, all warm",
        ("", "keys", "MB", "bytes a key"),
        rows,
    )
    print(
        f"The worker that read all this grew from {worker[0] / 1024:.0f} to "
        f"{worker[1] / 1024:.0f} MiB.",
        flush=True,
    )
