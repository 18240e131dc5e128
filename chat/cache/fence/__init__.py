"""The fence: after a write is acknowledged, no reader gets an older value (R10, R11).

"Write, then delete the key" and "write, then set the key" both have a race: a reader misses and
reads MongoDB, then a writer writes, then the reader stores the old value. So each data key D has a
random version token V and a set W of the writes in progress, all in one Cluster slot:

    begin    before the MongoDB write: announce the write in W, set a new token
    end      after it: remove the write from W, set a new token, update or delete D; acknowledge
    read     returns D if D may be trusted; else a token, or "a write is in progress"
    fill     stores D only if V is still the token from before the MongoDB read; sets a new token

So a token is also the version of D: while D exists under the same token, D has not changed. A
reader sends the version of its copy (``chat.cache.process_copies``). If that is current, it gets
"the same" instead of D.

While a write is in progress, D is still served with the old value, but only for TRUSTED_MS. After
that either the write has ended, or its process died or lost Redis; then D is deleted. So a writer
that could not confirm its end waits for TRUSTED_MS before it acknowledges. A write that never ends
is forgotten after LEASE_MS; until then readers ask MongoDB and fill nothing.

Tokens are random, because a counter that was evicted would restart and could match an old value.

Here is what both sides need; readers use ``reads``, writers ``writes``. ``scripts`` holds the
steps in Lua; ``cluster_steps`` says how they go while a Cluster moves keys.
"""

import secrets

LEASE_MS = 10_000
TRUSTED_MS = 200
TOKEN_SECONDS = 86_400


def companions(key: str) -> list[str]:
    """The names of the data key D, its token V and its writes in progress W, in that order."""
    return [key, f"v:{{{key}}}", f"w:{{{key}}}"]


def new_token() -> str:
    """A new random token."""
    return secrets.token_urlsafe(9)
