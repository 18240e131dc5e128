"""The app for tests of alerts: the loop runs often and alerts have short hold times."""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket or takes a lock is imported

from dataclasses import replace

from app import create_app
from chat.monitoring.status import alert_rules, channel_alerts, loop

TIMES = 5  # as fast as for people

loop.EVERY /= TIMES
channel_alerts.EVERY /= TIMES
alert_rules.RULES = tuple(
    replace(rule, on_s=rule.on_s / TIMES, off_s=rule.off_s / TIMES) for rule in alert_rules.RULES
)

app = create_app()
