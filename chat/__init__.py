"""A self-hosted team chat: one Flask app, MongoDB holds the truth, Redis answers the reads.

The map. Each folder is a room with one question, and imports only rooms below it (`make lint`
checks that). ``app.py`` wires them on one screen.

    views, api              pages and JSON: parse, check, ask a service or a cache, answer
    monitoring              metrics for Prometheus; status/ is the admin's page: alerts, last day
    realtime.incoming       what browsers send over the socket: parse, check, ask a service
    services                every write that other people must see: check, write, then tell
    realtime.outgoing       every event that leaves for browsers, and who is in which room
    realtime.transport      sockets as bytes: handshakes, frames, queues between processes
    pages                   HTML that is rendered once and used for many readers
    web                     around Flask: gunicorn, middleware, limits, headers, response_cache/
    auth                    who asks, what that person may see and do; sessions/
    presence                who is online, by connections under leases
    cache                   reads: Redis first, MongoDB on a miss; fence/ keeps old values out
    models                  documents and queries in MongoDB; know no cache and no sockets
    rollout                 which share of the traffic uses a structure in Redis
    redis                   the one door to Redis: timeouts, breaker, recovery, pub/sub
    text, i18n              what people type, checked and drawn; languages, numbers and times
    telemetry               counters that everybody may add to
    redis_schema            the name and type of every key in Redis
    logging                 log lines, and what must never be in them
    request                 the request or event in progress: client address, path, its turn
    config                  settings from the environment, parsed and checked
    embedded                `make run`: its own MongoDB and Valkey, then the app

A read asks ``cache``, which asks ``redis`` and, on a miss, ``models``. A write goes through
``services``: ``auth.permissions`` checks, a model saves, ``cache.invalidation`` (the one table from
a save to the keys that it changes) brings the caches up to date, ``realtime.outgoing`` tells.
"""
