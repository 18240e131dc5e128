"""A client for Redis Cluster whose pipelines take one round trip, however many nodes they touch.

The Cluster pipeline of redis-py refuses scripts. If a node hangs, it sends all commands of that
node again, one after the other, each with its own timeout. Here the commands of one node go to it
in one pipeline, and all nodes are asked at the same time. No command is sent twice unless the
server says that it did not run the command.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import gevent
import gevent.monkey
from redis import Redis
from redis.cluster import RedisCluster
from redis.commands import CoreCommands
from redis.crc import key_slot
from redis.exceptions import AskError, MovedError
from redis.exceptions import ConnectionError as RedisConnectionError

from chat.redis import deadline, prefix

T = TypeVar("T")
Command = tuple[tuple[Any, ...], dict[str, Any]]  # what execute_command takes


class Cluster(prefix.Scanning, RedisCluster):
    """A RedisCluster with the pipelines of this module."""

    # How often to follow MOVED, ASK and TRYAGAIN. While a slot moves, every script on keys that
    # are on two nodes gets TRYAGAIN, and the library pauses before each further try.
    RedisClusterRequestTTL = 4

    def execute_command(self, *args: Any, **options: Any) -> Any:
        return self.execute_full(*prefix.sent(args), **options)

    def execute_full(self, *args: Any, **options: Any) -> Any:
        """Run a command whose keys have the prefix already (``chat.redis.prefix``)."""
        return super().execute_command(*args, **options)

    def _partition_keys_by_slot(self, keys: Any) -> dict[int, list[Any]]:
        slots: dict[int, list[Any]] = {}
        for key in keys:
            slots.setdefault(key_slot(prefix.full(key).encode()), []).append(key)
        return slots

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> Any:
        if transaction:
            raise ValueError("the keys of a transaction would have to live in one slot")
        return ClusterPipeline(self)  # type: ignore[abstract]


class ClusterPipeline(CoreCommands):  # type: ignore[misc, type-arg]
    """Independent commands on keys in any slots. Only commands on one key keep their order."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._commands: list[Command] = []

    def execute_command(self, *args: Any, **options: Any) -> "ClusterPipeline":
        """Queue the command; ``execute`` sends it."""
        self._commands.append((prefix.sent(args), options))
        return self

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send all commands; the answers in their order.

        Raises the first error, or returns errors as answers if ``raise_on_error`` is False.
        """
        commands, self._commands = dict(enumerate(self._commands)), []
        answers = _asked(self._by_node(commands))
        # MOVED and ASK: that node did not run the command, and names the node that can.
        sent_on = {n: told for n, told in answers.items() if isinstance(told, AskError)}
        if sent_on:
            answers.update(self._follow(commands, sent_on))
        ordered = [answers[number] for number in range(len(commands))]
        if raise_on_error:
            for answer in ordered:
                if isinstance(answer, Exception):
                    raise answer
        return ordered

    def _by_node(self, commands: dict[int, Command]) -> "list[Batch]":
        batches: dict[str, Batch] = {}
        for number, (args, options) in commands.items():
            node = self._cluster.get_nodes_from_slot(args[0], *args)[0]
            if node.name not in batches:
                batches[node.name] = Batch(self._cluster.get_redis_connection(node))
            batches[node.name].commands[number] = (args, options)
        return list(batches.values())

    def _follow(self, commands: dict[int, Command], told: dict[int, AskError]) -> dict[int, Any]:
        """Send redirected commands (MOVED, ASK) to the nodes that the answers name.

        The first command of a moved slot goes alone: from it the client learns where the slot is.
        The others go together.
        """
        moved = [number for number, answer in told.items() if isinstance(answer, MovedError)]
        answers: dict[int, Any] = {}
        for number in moved[:1]:
            answers[number] = _answer(self._cluster.execute_full, *commands[number])
        batches = self._by_node({number: commands[number] for number in moved[1:]})
        answers.update(_asked([*batches, *self._half_moved(commands, told)]))
        for number, answer in answers.items():
            if isinstance(answer, AskError):  # redirected a second time
                answers[number] = _answer(self._cluster.execute_full, *commands[number])
        return answers

    def _half_moved(self, commands: dict[int, Command], told: dict[int, AskError]) -> "list[Batch]":
        """Batches, one for each node, of the commands that were answered with ASK."""
        batches: dict[tuple[str, int], Batch] = {}
        for number, answer in told.items():
            if isinstance(answer, MovedError):
                continue
            place = (answer.host, answer.port)
            if place not in batches:
                batches[place] = Batch(self._client_of(place), asking=True)
            batches[place].commands[number] = commands[number]
        return list(batches.values())

    def _client_of(self, place: tuple[str, int]) -> Redis:
        node = self._cluster.get_node(*place)
        if node is None:  # the node is new
            self._cluster.nodes_manager.initialize()
            node = self._cluster.get_node(*place)
        if node is None:
            raise RedisConnectionError(f"{place[0]}:{place[1]} is no node of the Cluster")
        return self._cluster.get_redis_connection(node)


class Batch:
    """The commands of one pipeline that go to one node, by their numbers."""

    def __init__(self, node: Redis, asking: bool = False) -> None:
        self.node, self.asking = node, asking
        self.commands: dict[int, Command] = {}

    def ask(self) -> dict[int, Any]:
        """The answers by number. Raises when the node does not answer."""
        pipe = self.node.pipeline(transaction=False)
        for args, options in self.commands.values():
            if self.asking:  # ASKING is valid for one command only
                pipe.execute_command("ASKING")
            pipe.execute_command(*args, **options)
        answers = pipe.execute(raise_on_error=False)
        return dict(zip(self.commands, answers[1::2] if self.asking else answers, strict=True))


def _asked(batches: list[Batch]) -> dict[int, Any]:
    """The answers of all nodes by number, in the time of the slowest."""
    answers: dict[int, Any] = {}
    for found in side_by_side([batch.ask for batch in batches]):
        answers.update(found)
    return answers


def side_by_side(questions: Sequence[Callable[[], T]]) -> list[T]:
    """Call all at the same time; their results in order. Then raises the first error, if any."""
    if len(questions) <= 1 or not gevent.monkey.is_module_patched("socket"):
        return [question() for question in questions]
    others = [gevent.spawn(_answer_of, question) for question in questions[1:]]
    with deadline.beside(others):
        found = [_answer_of(questions[0]), *(other.get() for other in others)]
    for answer in found:
        if isinstance(answer, Exception):
            raise answer
    return found


def _answer_of(question: Callable[[], Any]) -> Any:
    """Return an error instead of raising it: gevent would print the traceback."""
    try:
        return question()
    except Exception as error:  # noqa: BLE001 - raised by the caller
        return error


def _answer(ask: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    try:
        return ask(*args, **options)
    except Exception as error:  # noqa: BLE001 - an answer like any other
        return error
