"""What the chat costs, measured on real servers: `make bench`, or one of them with
`make bench ARGS=pages`; `--quick` takes a tenth of the time, to see whether all works.

    start.py    from `make run` to the first page
    cold_start.py  from the start of one process to ready, and to its first page
    memory.py   resident memory of the worker, idle and with open sockets
    fanout.py   CPU of a delivered message, and the time from post to last reader
    connections.py  how many sockets one worker holds, and how quickly they come
    posting.py  acknowledged posts a second, by HTTP and by socket
    weight.py   bytes on the wire: a message, a page, a visit
    arrivals.py  CPU of a tab that comes back, and a thousand of them after a restart
    pages.py    requests a second and CPU of a request
    cached.py   a warm answer beside an empty route, and beside MongoDB near and far
    browsing.py people reading and writing at once, with Redis and without
    growth.py   whether a page costs more when there is more behind it
    curves.py   the same step by step, drawn as pictures in docs/growth
    redis_memory.py  what Redis needs when everything is warm

Each of these has `run(quick)`, which measures and prints. They share

    stage.py    real servers with a team in the database, and apps in front of them
    team.py     the people, channels and messages
    masses.py   the same, very many, stored in bulk; crowded.py: those that several share
    wsgi.py     the product with a few routes more: the floors beside which it is measured
    bare.py     Flask-SocketIO as it comes: the floor of memory and fanout
    crowd.py    many Socket.IO clients in a process of their own; handshakes.py: that come at once
    node.py     a bare Socket.IO server on Node: the floor of fanout and arrivals
    load.py     HTTP clients in a process of their own, all asking for one page
    visitors.py HTTP clients that ask for this and that
    inserts.py  MongoDB alone, storing documents
    proxy.py    MongoDB as if it stood in another house
    remote.py   how those processes are spoken to
    gauge.py    CPU and memory of processes
    report.py   tables, progress, the machine; picture.py: curves

A floor is what the same stack costs when it does next to nothing, measured in the same run: the
ratio to it says more about the product than a figure that belongs to one machine. A new benchmark
is a new file with a `run`, and a line in `__main__.py`.
"""
