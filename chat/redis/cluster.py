"""A Cluster's client whose pipelines take one round trip, however many nodes they touch.

redis-py's own pipeline of a Cluster refuses scripts, and sends every command of a node that hangs
again, one after the other, each with its own time limit. Here the commands of one node go to it
in one pipeline, all nodes are asked at the same time, and nothing is sent twice unless the server
says that it did not run it.
"""

from typing import Any

import gevent
import gevent.monkey
from redis import Redis
from redis.cluster import RedisCluster
from redis.commands import CoreCommands
from redis.exceptions import AskError, MovedError

Command = tuple[tuple[Any, ...], dict[str, Any]]  # what execute_command takes


class Cluster(RedisCluster):
    """A RedisCluster with the pipelines of this module."""

    # How often to follow MOVED, ASK and TRYAGAIN. While a slot moves, the latter is the answer for
    # every script on a key that is half there, and each further try is a pause.
    RedisClusterRequestTTL = 4

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> Any:
        if transaction:
            raise ValueError("the keys of a transaction would have to live in one slot")
        return Pipeline(self)  # type: ignore[abstract]


class Pipeline(CoreCommands):  # type: ignore[misc, type-arg]
    """Commands on any keys, each in its own slot; they stand alone and have no common order
    beyond that of the commands on one key."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._commands: list[Command] = []

    def execute_command(self, *args: Any, **options: Any) -> "Pipeline":
        """Remember it. Redis is asked at ``execute``."""
        self._commands.append((args, options))
        return self

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """The answers in the order of the commands; errors among them unless they are raised."""
        commands, self._commands = self._commands, []
        answers: dict[int, Any] = {}
        for found in _side_by_side(list(self._by_node(commands).values())):
            answers.update(found)
        for number, (args, options) in enumerate(commands):
            # MOVED and ASK: it was not run there, and the answer says where it can be.
            if isinstance(answers[number], AskError):
                answers[number] = _answer(self._cluster, args, options, answers[number])
        ordered = [answers[number] for number in range(len(commands))]
        if raise_on_error:
            for answer in ordered:
                if isinstance(answer, Exception):
                    raise answer
        return ordered

    def _by_node(self, commands: list[Command]) -> "dict[str, Batch]":
        batches: dict[str, Batch] = {}
        for number, (args, options) in enumerate(commands):
            node = self._cluster.get_nodes_from_slot(args[0], *args)[0]
            if node.name not in batches:
                batches[node.name] = Batch(self._cluster.get_redis_connection(node))
            batches[node.name].commands[number] = (args, options)
        return batches


class Batch:
    """The commands of one pipeline that go to one node, by their numbers."""

    def __init__(self, node: Redis) -> None:
        self.node = node
        self.commands: dict[int, Command] = {}

    def ask(self) -> dict[int, Any]:
        """The answers by number. Raises when the node does not answer."""
        pipe = self.node.pipeline(transaction=False)
        for args, options in self.commands.values():
            pipe.execute_command(*args, **options)
        return dict(zip(self.commands, pipe.execute(raise_on_error=False), strict=True))


def _side_by_side(batches: list[Batch]) -> list[dict[int, Any]]:
    """The answers of all nodes, in the time of the slowest."""
    if len(batches) <= 1 or not gevent.monkey.is_module_patched("socket"):
        return [batch.ask() for batch in batches]
    others = [gevent.spawn(_answer_of, batch) for batch in batches[1:]]
    found = [_answer_of(batches[0]), *(other.get() for other in others)]
    for answers in found:
        if isinstance(answers, Exception):
            raise answers
    return found


def _answer_of(batch: Batch) -> Any:
    """Errors are answers: a greenlet that raises would print them."""
    try:
        return batch.ask()
    except Exception as error:  # noqa: BLE001 - raised by the caller
        return error


def _answer(client: Any, args: tuple[Any, ...], options: dict[str, Any], told: AskError) -> Any:
    try:
        node = None if isinstance(told, MovedError) else client.get_node(told.host, told.port)
        if node is None:  # the client learns of it, too
            return client.execute_command(*args, **options)
        pipe = client.get_redis_connection(node).pipeline(transaction=False)
        pipe.execute_command("ASKING")
        pipe.execute_command(*args, **options)
        return pipe.execute(raise_on_error=False)[1]
    except Exception as error:  # noqa: BLE001 - an answer like any other
        return error
