"""MongoDB alone, in a process of its own: what no post can be quicker than."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pymongo
from pymongo.collection import Collection

MESSAGE_BYTES = 900  # of a stored message


class Inserts:
    """Documents as big as a message, stored with a majority and in the journal; ms each."""

    def at_once(self, uri: str, threads: int, seconds: float) -> list[float]:
        """One after the other in each thread."""
        with _collection(uri) as collection, ThreadPoolExecutor(threads) as pool:
            until = time.monotonic() + seconds

            def store() -> list[float]:
                took = []
                while time.monotonic() < until:
                    took.append(_store(collection))
                return took

            done = [pool.submit(store) for _ in range(threads)]
            return [ms for one in done for ms in one.result()]

    def in_step(self, uri: str, count: int, rate: float) -> list[float]:
        """So many a second, with pauses between them."""
        with _collection(uri) as collection:
            took, began = [], time.monotonic()
            for number in range(count):
                time.sleep(max(0.0, began + number / rate - time.monotonic()))
                took.append(_store(collection))
            return took


@contextmanager
def _collection(uri: str) -> Iterator[Collection[dict[str, Any]]]:
    with pymongo.MongoClient[dict[str, Any]](uri, w="majority", journal=True) as client:
        yield client.get_default_database()["bench_floor"]


def _store(collection: Collection[dict[str, Any]]) -> float:
    asked = time.monotonic()
    collection.insert_one({"text": "x" * MESSAGE_BYTES})
    return (time.monotonic() - asked) * 1000
