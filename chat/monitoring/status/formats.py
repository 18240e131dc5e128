"""Numbers and times as one reads them: in the reader's language, and no longer than they need."""

from flask_babel import gettext as _
from flask_babel import ngettext

from chat.i18n import clock, local_time, number, short_time, today


def figure(value: float) -> str:
    """A number with one decimal at most."""
    return number(round(value, 1))  # type: ignore[arg-type]


def duration(seconds: float) -> str:
    """So many seconds as one reads them; minutes from two of them on, hours from two of them."""
    if seconds < 120:
        return ngettext("%(num)s second", "%(num)s seconds", round(seconds))
    if seconds < 7200:
        return ngettext("%(num)s minute", "%(num)s minutes", round(seconds / 60))
    if seconds < 48 * 3600:
        return ngettext("%(num)s hour", "%(num)s hours", round(seconds / 3600))
    return ngettext("%(num)s day", "%(num)s days", round(seconds / 86400))


def span(seconds: int) -> str:
    """A set time, shortly: 30 s, 5 min, 24 h; what is no whole minute stays in seconds."""
    if seconds and seconds % 3600 == 0:
        return _("%(num)s h", num=figure(seconds // 3600))
    if seconds and seconds % 60 == 0:
        return _("%(num)s min", num=figure(seconds // 60))
    return _("%(num)s s", num=figure(seconds))


def when(iso: str) -> str:
    """A time of today; before that, with its date."""
    if not iso:
        return ""
    return clock(iso) if local_time(iso).date() == today() else short_time(iso)
