"""The figures of the running chat: counted in plain numbers, added up over processes, told as text.

    names       every figure there is, with its labels: the one table
    numbers     counters, histograms and gauges; a count costs less than a microsecond
    count       what the rest of the code calls, a line each: "this happened"
    requests    how long requests take, by route and by how they were answered
    redis_calls, mongo    the same for round trips to the two stores
    gauges      once a second: how things stand in this process
    shadow      now and then a cached value is compared with MongoDB, off everybody's path
    place       the folder in which the processes of one gunicorn leave their figures
    snapshot    one process's figures as plain numbers, and those of many added up
    text, page  what Prometheus reads, and who may

``wiring`` joins them to the app. The others import nothing of the chat that could import them.
"""
