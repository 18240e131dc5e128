"""Is it OK? Looked at every few seconds, said in plain words, and kept for a day.

samples     what has been counted up to a moment; of two of them, what happened in between
alerts      when something is worth being told: a pure function with hysteresis
words       alerts, and the state of everything, as sentences with advice
verdict     is it OK? one sentence for everything
group       of the processes of one gunicorn one looks for all; the others read what it saw
keeper      that look: alerts, facts of the servers, the minute's figures
outward     alerts to a webhook, without anybody waiting for it
herald      alerts in a channel, once for the whole installation
pushes      open status pages are told when something is another way
census      how many keys each part has in Redis
backups     when the data was last copied
history     the last 24 hours by the minute, in MongoDB
drill       working without Redis on purpose, in every process, for a while
reports     what a drill cost: sends failed, people logged out, times before, during and after
charts      small pictures of the last day
page        what the status page shows
"""
