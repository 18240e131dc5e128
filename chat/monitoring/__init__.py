"""Figures of the running chat: sampled, added up over processes, and told to Prometheus.

    http        how long requests take, by route and by how they were answered
    mongo       the same for commands to MongoDB (for Redis: ``chat.redis.metrics``)
    sampler     gauges of this process, once a second, so that a scrape costs nothing
    shadow      now and then a cached value is compared with MongoDB, in the background
    shared_dir  the folder in which the processes of one gunicorn leave their figures
    snapshot    the figures of one process as plain numbers, and those of many added up
    exposition  the text that Prometheus reads
    endpoint    /metrics, and who may read it
    status/     the admin's page, its alerts, and a day's history

``wiring`` joins them to the app. Every figure is declared in ``chat.telemetry.registry``; the rest
of the code counts through ``chat.telemetry.events``.
"""
