"""Short numbers and times in the reader's language."""

from flask_babel import gettext as _
from flask_babel import ngettext

from chat.i18n import clock, local_time, number, short_time, today


def figure(value: float) -> str:
    """A number with one decimal at most."""
    return number(round(value, 1))  # type: ignore[arg-type]


def duration(seconds: float) -> str:
    """A duration in its largest unit (up to days) of which there are at least two."""
    if seconds < 120:
        return ngettext("%(num)s second", "%(num)s seconds", round(seconds))
    if seconds < 7200:
        return ngettext("%(num)s minute", "%(num)s minutes", round(seconds / 60))
    if seconds < 48 * 3600:
        return ngettext("%(num)s hour", "%(num)s hours", round(seconds / 3600))
    return ngettext("%(num)s day", "%(num)s days", round(seconds / 86400))


def span(seconds: int) -> str:
    """A configured time in short form: 30 s, 5 min, 24 h; in seconds if not whole minutes."""
    if seconds and seconds % 3600 == 0:
        return _("%(num)s h", num=figure(seconds // 3600))
    if seconds and seconds % 60 == 0:
        return _("%(num)s min", num=figure(seconds // 60))
    return _("%(num)s s", num=figure(seconds))


def when(iso: str) -> str:
    """The time if it is today, else date and time."""
    if not iso:
        return ""
    return clock(iso) if local_time(iso).date() == today() else short_time(iso)
