"""Every figure there is, as ``docs/monitoring.md`` shows it; ``chat.telemetry.events`` fills it.

All label sets are bounded: routes, structures, collections and verbs of our own, never an id, a
name, a path or an address.
"""

from chat import protocol
from chat.redis_schema.keys import STRUCTURES
from chat.telemetry.metric_types import Counter, Figure, Gauge, Histogram

CACHES = tuple(structure.name for structure in STRUCTURES)
OUTCOMES = ("hit", "miss", "bypass", "down", "error")
VERDICTS = ("agreed", "stale", "undecided", "skipped", "failed")
REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
REDIS_BUCKETS = (0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.15)
MONGO_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0)
LAG_BUCKETS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0)

REQUESTS = Histogram(
    "chat_http_request_duration_seconds",
    "Time to answer a request, by route, class of status and how it was answered: as X-Cache says "
    "(hit, miss, bypass, down), or none where no cache was asked.",
    ("method", "route", "status", "answered"),
    buckets=REQUEST_BUCKETS,
)
CACHE_READS = Counter(
    "chat_cache_reads_total",
    "Reads of cached structures: answered by Redis (hit), by MongoDB because Redis did not have it "
    "(miss), was not to be asked (bypass), did not answer (down) or held nonsense (error).",
    ("structure", "outcome"),
    [(name, outcome) for name in CACHES for outcome in OUTCOMES],
)
SHADOW = Counter(
    "chat_cache_shadow_checks_total",
    "Cached values that were compared with MongoDB; undecided if they changed meanwhile.",
    ("structure", "verdict"),
    [(name, verdict) for name in CACHES for verdict in VERDICTS[:2]],
)
SESSIONS = Counter(
    "chat_sessions_read_total",
    "Sessions looked for, by the store that had the last word.",
    ("store",),
    [("redis",), ("mongodb",)],
)
SESSIONS_LOST = Counter(
    "chat_sessions_lost_total",
    "Requests with the cookie of a session that no store has: ended, expired or lost.",
)

REDIS_CALLS = Histogram(
    "chat_redis_command_duration_seconds",
    "Time of a round trip to Redis as a request sees it: reading (get) and writing (set) commands "
    "and scripts, other scripts, other commands.",
    ("family",),
    [("get",), ("set",), ("script",), ("other",)],
    REDIS_BUCKETS,
)
FALLBACKS = Counter(
    "chat_redis_fallbacks_total",
    "Calls that were answered without Redis: the breaker was open, no connection was free (load), "
    "the call failed, or the request had waited for Redis long enough (slow).",
    ("reason",),
    [(r,) for r in ("open", "load", "outage", "denied", "poison", "bug", "slow")],
)
POOL_EXHAUSTED = Counter(
    "chat_redis_pool_exhausted_total", "Calls that found no free connection to Redis in time."
)
POOL_IN_USE = Gauge("chat_redis_pool_connections_in_use", "Connections to Redis in use now.")
POOL_LIMIT = Gauge("chat_redis_pool_connections_limit", "Connections to Redis there may be.")
REDIS_ENABLED = Gauge(
    "chat_redis_enabled", "1 unless Redis is switched off (DISABLE_REDIS).", merge="max"
)
REDIS_UP = Gauge(
    "chat_redis_up", "1 while every process is answered by Redis and trusts it.", merge="min"
)
FIRE_DRILL = Gauge(
    "chat_fire_drill",
    "1 while a fire drill keeps Redis out on purpose, and until it is taken up again.",
    merge="max",
)
BREAKER_OPEN = Gauge(
    "chat_redis_breaker_open", "Processes whose circuit breaker keeps Redis out now."
)
REDIS_MEMORY = Gauge("chat_redis_memory_used_bytes", "Memory that Redis uses.", merge="latest")
REDIS_MEMORY_LIMIT = Gauge(
    "chat_redis_memory_limit_bytes", "Memory that Redis may use; 0: no limit.", merge="latest"
)
REDIS_CLIENTS = Gauge("chat_redis_connected_clients", "Connections that Redis has.", merge="latest")
REDIS_KEYS = Gauge("chat_redis_keys", "Keys in Redis.", merge="latest")

MONGO_CALLS = Histogram(
    "chat_mongodb_command_duration_seconds",
    "Time of a command to MongoDB.",
    ("collection", "verb"),
    buckets=MONGO_BUCKETS,
)
MONGO_FAILURES = Counter(
    "chat_mongodb_command_failures_total",
    "Commands to MongoDB that failed.",
    ("collection", "verb"),
)
MONGO_UP = Gauge("chat_mongodb_up", "1 while every process is answered by MongoDB.", merge="min")

SOCKETS = Gauge("chat_sockets_open", "Open sockets of people who are signed in.")
DELIVERIES = Counter(
    "chat_socket_deliveries_total",
    "Events handed to sockets: at once (straight), or behind what a slow reader has not taken yet.",
    ("how",),
    [("straight",), ("queued",)],
)
WRITES = Counter(
    "chat_socket_writes_total",
    "Writes of events to sockets: fewer than deliveries where events left together.",
)
EMITS = Counter(
    "chat_socket_emits_total",
    "Events sent to rooms, by event.",
    ("event",),
    [(event,) for event in protocol.TO_BROWSERS],
)
SOCKET_EVENTS = Counter(
    "chat_socket_events_total",
    "Events from browsers by outcome: done (ok), refused with a reason, or failed on our side.",
    ("event", "outcome"),
    [(protocol.MESSAGE_POST, outcome) for outcome in ("ok", "refused", "failed")],
)
CATCH_UPS = Counter(
    "chat_catch_ups_total",
    "Browsers that asked what changed since something that they know, by what they were told.",
    ("told",),
    [("changes",), ("nothing",)],
)
CAUGHT_UP = Counter("chat_caught_up_changes_total", "Changes that catching up brought.")
GAPS_DETECTED = Counter(
    "chat_gaps_detected_total",
    "Times that events may have been missed: a lost subscription, events that could not be "
    "published, a browser that had not been sent what it asked for.",
    ("where",),
    [("subscription",), ("publisher",), ("browser",)],
)
GAPS_REPAIRED = Counter(
    "chat_gaps_repaired_total",
    "Such gaps after which browsers were told to look, or were given what they had missed.",
    ("where",),
    [("subscription",), ("publisher",), ("browser",)],
)
PUBLISHED = Counter(
    "chat_published_total",
    "Events for other processes: given to Redis (sent) or not (dropped).",
    ("outcome",),
    [("sent",), ("dropped",)],
)
OUTBOX = Gauge("chat_publish_queue_messages", "Events waiting to be given to Redis.")
LAG = Histogram(
    "chat_publish_queue_lag_seconds", "How long an event waited to be given to Redis.",
    buckets=LAG_BUCKETS,
)  # fmt: skip

WORKERS = Gauge("chat_worker_processes", "Processes whose figures are in this answer.")
MEMORY = Gauge("chat_resident_memory_bytes", "Memory of all processes.")
ROLLOUT = Gauge(
    "chat_rollout_ratio", "The share of the traffic that uses Redis for this.", ("feature",),
    merge="latest",
)  # fmt: skip
BUILD = Gauge(
    "chat_build_info", "1, with what is running as labels.", ("version", "python"), merge="max"
)

FIGURES: tuple[Figure, ...] = tuple(v for v in list(globals().values()) if isinstance(v, Figure))
BY_NAME: dict[str, Figure] = {figure.name: figure for figure in FIGURES}


BEGIN, END = "<!-- figures: flask --app wsgi figures --write -->", "<!-- end of figures -->"


def written_into(document: str) -> str:
    """A document with the table between its two marks brought up to date."""
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}{END}{rest.partition(END)[2]}"


def table() -> str:
    """The figures as a Markdown table, for the documentation."""
    rows = ["| name | kind | labels | meaning |", "| --- | --- | --- | --- |"]
    for figure in FIGURES:
        labels = ", ".join(f"`{label}`" for label in figure.labels) or "–"
        rows.append(f"| `{figure.name}` | {figure.kind} | {labels} | {figure.meaning} |")
    return "\n".join(rows) + "\n"
