"""Commands that go together: one write, and their answers as they come.

The library's pipeline does the same and more for each command, most of it for commands that this
product does not send. Measured with it instead, in turns: CPU of a warm answer of the API 3 to 13 %
more, of one that is made anew 2 to 5 %, of a channel's page less than 1 %.
"""

from collections.abc import Sequence
from typing import Any

import redis
import redis.client
from hiredis import pack_command
from redis.exceptions import ResponseError

from chat.redis import prefix
from chat.redis.mark import Expected, Mark, heard

Command = tuple[Any, ...]  # its name and its arguments: str, bytes, int or float


class Pipeline(redis.client.Pipeline):
    """The library's own, for what is asked now and then."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        return super().execute_command(*prefix.sent(args), **options)


class ServerClient(prefix.Scanning, redis.Redis):
    """A client of one server, or of the master that the Sentinels name."""

    mark: Mark | None = None  # what the answers of ``together`` must come with

    def execute_command(self, *args: Any, **options: Any) -> Any:
        return super().execute_command(*prefix.sent(args), **options)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Any:
        return Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)

    def together(self, commands: Sequence[Command]) -> list[Any]:
        """The answers as Redis sent them, in order; its refusals are answers, too.

        Whatever else goes wrong is raised, and the library has closed the connection by then: an
        answer that nobody took can't be taken for somebody else's. Raises Elsewhere when they came
        from another database than before.
        """
        if not commands:
            return []
        expected = self.mark.now if self.mark else Expected()
        packed = b"".join([pack_command(prefix.sent(command)) for command in commands])
        connection = self.connection_pool.get_connection()
        try:
            connection.send_packed_command([packed + expected.question])
            answers = [_answer(connection) for _ in commands]
            if expected.question:
                heard(_answer(connection), expected.epoch)
            return answers
        finally:
            self.connection_pool.release(connection)


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
