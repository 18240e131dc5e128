"""The status page: checked every few seconds, said in plain words, and kept for a day.

loop            the check: alerts, facts of the servers, the minute's figures
leader          one process of a gunicorn runs the loop; the others read what it found
samples         what has been counted up to a moment; two of them tell what happened in between
rules           when an alert begins and ends: a pure function with hysteresis
texts           alerts as sentences with advice
summary         is it OK? one sentence for everything
webhook         alerts to a webhook; nobody waits for it
channel_alerts  alerts in a channel, once for the whole installation
live_updates    tells open status pages that something has changed
key_counts      how many keys each part has in Redis
health          the probes and /health
backups         when the data was last copied
history         the last 24 hours by the minute, in MongoDB
reports         what a fire drill (``chat.cache.fire_drill``) cost
charts, cards, formats   how it is drawn
time_budget     how long the page waits for MongoDB
page            what the page shows
"""
