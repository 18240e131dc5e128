"""Every key that holds cached data: its name, type, lifetime, contents, writers and readers.

The names R1-R8 are given by the requirements. Beside each fenced data key stand two companions in
the same Cluster slot: ``v:{key}`` (random version token) and ``w:{key}`` (writes under way).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Structure:
    """One declared structure; ``name`` with ``*`` stands for a family of keys.

    What may be in it: ``chat.cache.decoders``.
    """

    name: str
    type: str
    ttl: str
    rollout: str
    holds: str
    written_by: str
    read_by: str


STRUCTURES = (
    Structure("session:*", "string", "TTL_SESSIONS", "sessions",
              "JSON: userId, nickname, role, csrfToken (R1)", "chat.auth.sessions.interface",
              "every request"),
    Structure("cache:users:list", "zset", "TTL_USERS", "users",
              "ids of active people, score = last_active in ms (R2)",
              "registration, role and state changes, batched activity", "GET /api/users, sidebar"),
    Structure("cache:users:profile:*", "string", "TTL_USERS", "users",
              "JSON profile of one person", "every save of a person",
              "every signed-in request, lists of people"),
    Structure("cache:users:online", "set", "TTL_ONLINE", "online",
              "ids of people online (R3)", "first and last connections, by what changed",
              "lists of people"),
    Structure("cache:channels:list", "hash", "TTL_CHANNELS", "channels",
              "channel id → JSON, every channel but the direct ones (R4)",
              "every save of a channel", "sidebar, access checks"),
    Structure("cache:channels:direct:*", "string", "TTL_CHANNELS", "channels",
              "JSON of one direct channel",
              "every save of a channel", "sidebar, access checks"),
    Structure("cache:channel:users:*", "set", "TTL_CHANNEL_USERS", "channel_users",
              "ids of the channel's members (R5)",
              "join, leave, add, remove", "access checks, member list"),
    Structure("cache:messages:recent:*", "list", "TTL_MESSAGES", "messages",
              "JSON of the newest 50 messages, oldest first (R6)",
              "every post, edit and deletion", "channel page, history"),
    Structure("cache:messages:tail:*", "list", "TTL_CHANNELS", "messages",
              "a short line for each of the newest 200 messages (chat.cache.unread_tail)",
              "every post and deletion", "unread counts, last_seq"),
    Structure("cache:users:marks:*", "hash", "TTL_CHANNEL_USERS", "channel_users",
              "channel id → last_read_seq of one person",
              "join, leave, reading", "unread counts, the caller's channels"),
    Structure("cache:emoji:classics", "hash", "TTL_EMOJI", "emoji",
              "emoji → how often it was used (R7)",
              "every emoji used", "GET /api/emoji"),
    Structure("cache:site", "string", "TTL_CHANNELS", "channels",
              "JSON: name and open_registration", "set-up, site settings",
              "every page"),
)  # fmt: skip

# Keys that are not cached data, named here so that none is a surprise: name → (type, meaning).
HELPERS = {
    "v:{cache:users:online}": ("string", "the number of the change that the set shows, as long"),
    "v:{*}": (
        "string",
        "the random version token of a data key, a day (the fence); that of a channel's newest"
        " messages may also carry the channel's newest rev",
    ),
    "a:{cache:users:list}": ("string", "changes whenever somebody moves up in the list, a day"),
    "f:{cache:users:list}:*": ("zset", "the list of people while it is being filled, a minute"),
    "w:{*}": ("zset", "the writes under way on a data key, a day (the fence)"),
    "ended:{session:*}": ("string", "a session that was ended, while the end spreads"),
    "limit:*": ("string", "the window of a rate limit, as long as the window"),
    "{presence}:conns": ("zset", "person and connection, score = end of the lease; no TTL"),
    "{presence}:count": ("hash", "person → number of connections; no TTL"),
    "{presence}:seq": ("string", "the number of the last change of presence; no TTL"),
    "{presence}:log": ("zset", "the last 500 changes of presence by number; no TTL"),
    "{presence}:recounted": ("string", "that connections were counted this minute, a minute"),
    "chat:mark": ("hash", "epoch and beat: whether this is what was here before; no TTL"),
}


def document() -> str:
    """The whole of ``docs/redis-keys.md``."""
    rows = ["| key | type | lifetime | share of traffic | holds | written by | read by |"]
    rows.append("| --- | --- | --- | --- | --- | --- | --- |")
    for s in STRUCTURES:
        cells = (f"`{s.name}`", s.type, f"`{s.ttl}`", f"`ROLLOUT_{s.rollout.upper()}`")
        rows.append(f"| {' | '.join((*cells, s.holds, s.written_by, s.read_by))} |")
    helpers = [f"| `{name}` | {kind} | {text} |" for name, (kind, text) in HELPERS.items()]
    return "\n".join((
        "# What is in Redis",
        "",
        "All of it can be lost at any moment: MongoDB holds the truth. This file is written by",
        "`flask --app wsgi redis-keys --write`; the table lives in `chat/redis_schema/keys.py`.",
        "With `REDIS_PREFIX` every name begins with it, also inside the braces of a hash tag:",
        "`chat:v:{chat:cache:site}`.",
        "",
        *rows,
        "",
        "Where there is nothing (no such person, an empty channel, no site before set-up) the",
        "value or an element is `0` and the name of the key. What is not as the table says is",
        "deleted and read anew (`chat/cache/shapes.py`).",
        "",
        "Beside these:",
        "",
        "| key | type | meaning |",
        "| --- | --- | --- |",
        *helpers,
        "",
        "Pub/sub: `updates:channels`, `updates:messages` and `updates:users` (R8) carry one small",
        "JSON event a change; `chat:socketio` carries what goes to browsers on other processes.",
        "",
    ))  # fmt: skip


def users_list() -> str:
    """R2."""
    return "cache:users:list"


def order() -> str:
    """The version of R2's order, in its slot."""
    return f"a:{{{users_list()}}}"


def profile(user_id: str) -> str:
    """One person's profile."""
    return f"cache:users:profile:{user_id}"


def online() -> str:
    """R3."""
    return "cache:users:online"


def online_seq() -> str:
    """The number of the change of presence that R3 shows, in its slot; recoveries drop both."""
    return f"v:{{{online()}}}"


def presence(part: str) -> str:
    """What presence is made of (`conns`, `count`, `seq`, `log`, `recounted`), all in one slot."""
    return f"{{presence}}:{part}"


def channels_list() -> str:
    """R4."""
    return "cache:channels:list"


def direct(channel_id: str) -> str:
    """One direct channel."""
    return f"cache:channels:direct:{channel_id}"


def channel_users(channel_id: str) -> str:
    """R5."""
    return f"cache:channel:users:{channel_id}"


def recent_messages(channel_id: str) -> str:
    """R6."""
    return f"cache:messages:recent:{channel_id}"


def tail(channel_id: str) -> str:
    """The newest messages of a channel, a short line each."""
    return f"cache:messages:tail:{channel_id}"


def marks(user_id: str) -> str:
    """One person's memberships and how far they have read."""
    return f"cache:users:marks:{user_id}"


def emoji_counts() -> str:
    """R7."""
    return "cache:emoji:classics"


def site() -> str:
    """The installation's name and door policy."""
    return "cache:site"
