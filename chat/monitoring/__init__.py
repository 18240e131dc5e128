"""Metrics of the running chat: sampled, summed over processes, and exposed to Prometheus.

    request_times  how long requests take, by route and by how they were answered
    mongo_times    how long commands to MongoDB take (for Redis: ``chat.redis.metrics``)
    sampler        gauges of this process, once a second, so that a scrape costs nothing
    stale_check    compares samples of cached values with MongoDB, in the background
    shared_dir     the folder in which the processes of one gunicorn share their figures
    snapshot       the figures of one process as plain numbers, and the sum of many processes
    exposition     the text that Prometheus reads
    endpoint       /metrics, and who may read it
    status/        the admin's page, its alerts, and the last day by the minute

``wiring`` joins them to the app. Every figure is declared in ``chat.telemetry.registry``; the rest
of the code counts through ``chat.telemetry.events``.
"""
