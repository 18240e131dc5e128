"""The status page: one process checks every few seconds; the results are kept for a day.

loop            the check: alerts, facts of the servers, the figures of each minute
leader          one process of a gunicorn runs the loop; the others read its result
samples         counters at one moment; the difference of two samples is what happened in between
alert_rules     when an alert begins and ends: a pure function with hysteresis
alert_texts     alerts as sentences with advice
alert_webhook   sends alerts to a webhook; nobody waits for it
channel_alerts  posts alerts in a channel, once for the whole installation
summary         the overall verdict in one sentence
advice          what an admin can do about a Redis that cannot be used
live_updates    tells open status pages that something has changed
key_counts      how many keys each part has in Redis
health          the probes and /health
servers         what MongoDB and Redis report about themselves
backups         when the data was last backed up
last_day        the figures of the last 24 hours by the minute, stored in MongoDB
drill_reports   what a fire drill (``chat.cache.fire_drill``) cost
server_cards, charts, formats   how the page shows servers, curves and numbers
time_budget     how long the page waits for MongoDB
page            the data of the page
"""
