"""The fence: after a write has been acknowledged no reader is given anything older (R10, R11).

"Write, then delete the key" and "write, then set the key" both break under a reader that missed,
read MongoDB, was overtaken by a writer and then fills in the old value. So each data key D has a
random version token V and a set W of writes under way, all in one Cluster slot:

    begin    before the MongoDB write: announce the write in W, take a new token
    end      after it: leave W, take a new token, bring D up to date or delete it; then acknowledge
    read     D if it may be trusted; else a token, or word that a write is under way
    fill     only if the token read before asking MongoDB is still the one there; take a new one

So a token is also the version of D: while D is there under the same token, D is the same. A reader
that says which version it holds a copy of (``chat.cache.process_copies``) is told "the same"
instead of D.

While a write is under way D still serves what was true before it, but only for TRUSTED_MS: by then
either the write has ended, or its process has lost Redis or its life, and D is deleted. So a
writer that could not confirm its end waits until that time has passed before it acknowledges. A
write that never ends is forgotten after LEASE_MS; until then readers ask MongoDB and fill nothing.

Tokens are random because a counter that was evicted would start again and match.

Here is what both sides need; readers use ``reads``, writers ``writes``. ``scripts`` holds the
steps in Lua; ``cluster_steps`` says how they go while a Cluster moves keys.
"""

import secrets

LEASE_MS = 10_000
TRUSTED_MS = 200
TOKEN_SECONDS = 86_400


def companions(key: str) -> list[str]:
    """The data key, its token and its writes under way, in that order."""
    return [key, f"v:{{{key}}}", f"w:{{{key}}}"]


def new_token() -> str:
    """A token nobody has used."""
    return secrets.token_urlsafe(9)
