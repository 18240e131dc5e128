"""A self-hosted team chat: one Flask app, MongoDB holds the truth, Redis answers the reads.

The map, and the direction in which calls go (never the other way round):

    views, api, realtime.handlers   parse, check, answer
        access                      what may this person see: fetch and check in one call
        services                    every write that others must see: write, then tell
            models                  documents and queries (MongoDB); know no cache, no sockets
            realtime.broadcasts     every event that leaves for a browser
        cache                       reads: Redis first, models on a miss; the fence round writes
            redis                   the one door: timeouts, breaker, recovery, pub/sub
    signals                         the one table that joins a model's save to the cache it changes

Around a request: turns lets so many in at once, api.again gives an answer that would be the same,
and ahead fetches in one round trip what the request is going to ask for. metrics is told what
happens and knows nobody; watch makes alerts, the status page and a day's history of it.
"""
