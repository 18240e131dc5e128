"""Languages, the reader's clock, and the filters that write numbers and times in both.

The locale is the account's choice, else the cookie of the pages before login, else what the
browser prefers. The zone comes from the `tz` cookie, which the browser code sets; without it UTC.
"""

import os
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from gettext import NullTranslations
from zoneinfo import ZoneInfo

import babel.dates
import babel.numbers
import babel.support
from babel.messages import mofile, pofile
from flask import Flask, has_request_context, request
from flask_babel import Babel, get_locale, gettext
from flask_login import current_user

from chat.folders import TRANSLATIONS

flask_babel = Babel()
LANGUAGES = {"en": "English", "ru": "Русский"}
UTC = ZoneInfo("UTC")


def init_app(app: Flask) -> None:
    """Binds Flask-Babel and the template filters; makes the catalogues when they are missing."""
    compile_catalogues()
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    app.config.setdefault("BABEL_DEFAULT_LOCALE", "en")
    flask_babel.init_app(app, locale_selector=choose_locale, timezone_selector=lambda: "UTC")
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.add_template_filter(clock)
    app.add_template_filter(full_time)
    app.add_template_filter(day_name)
    app.add_template_filter(short_date)
    app.add_template_filter(short_time)
    app.add_template_filter(number)


# Flask-Babel looks for its catalogue anew at each word, and a page has some fifty.


def _gettext(text: str) -> str:
    return catalogue(str(get_locale() or "en")).gettext(text)


def _ngettext(one: str, many: str, count: int) -> str:
    return catalogue(str(get_locale() or "en")).ngettext(one, many, count)


@lru_cache(maxsize=8)
def catalogue(locale: str) -> NullTranslations:
    """The translations into one language."""
    return babel.support.Translations.load(str(TRANSLATIONS), [locale])


def compile_catalogues() -> None:
    """Writes each .mo that is missing or older than its .po; a read-only disk keeps English."""
    for source in TRANSLATIONS.glob("*/LC_MESSAGES/messages.po"):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as text:
            catalogue = pofile.read_po(text, locale=source.parent.parent.name)
        try:
            # Beside and then over it: another worker may be reading the old one.
            part = target.with_suffix(f".mo.{os.getpid()}")
            with part.open("wb") as out:
                mofile.write_mo(out, catalogue)
            part.replace(target)
        except OSError:
            continue


def choose_locale() -> str:
    """The language for this request; English where there is none (pushes are made in English)."""
    if not has_request_context():
        return "en"
    chosen = getattr(current_user, "locale", None) or request.cookies.get("locale")
    if chosen in LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(list(LANGUAGES)) or "en"


def reader_zone() -> tzinfo:
    """The reader's time zone."""
    name = request.cookies.get("tz", "") if has_request_context() else ""
    return _zone(name[:64])


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):  # unknown, no name at all, a folder
        return UTC


def local_time(iso: str, zone: tzinfo | None = None) -> datetime:
    """An ISO time as the reader's clock shows it; ``zone`` is theirs where it is at hand."""
    moment = datetime.fromisoformat(iso)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(zone or reader_zone())


def today() -> date:
    """The reader's date now."""
    return datetime.now(reader_zone()).date()


# Babel formats in 50-100 microseconds and a page has a hundred times: remember by what is shown.


def clock(iso: str) -> str:
    """14:05, as the reader writes it; nothing for no time."""
    if not iso:
        return ""
    moment = local_time(iso)
    return _clock(str(get_locale()), moment.hour, moment.minute)


@lru_cache(maxsize=4096)
def _clock(locale: str, hour: int, minute: int) -> str:
    return babel.dates.format_time(time(hour, minute), "short", locale=locale)


def full_time(iso: str) -> str:
    """Weekday, date and time in full."""
    if not iso:
        return ""
    moment = local_time(iso).replace(second=0, microsecond=0, tzinfo=None)
    return _full_time(str(get_locale()), moment)


@lru_cache(maxsize=4096)
def _full_time(locale: str, moment: datetime) -> str:
    day = babel.dates.format_date(moment, "full", locale=locale)
    return f"{day}, {_clock(locale, moment.hour, moment.minute)}"


def day_name(day: str) -> str:
    """Today, yesterday, or the date (with the year when it is another one)."""
    that, now = date.fromisoformat(day), today()
    if that == now:
        return gettext("Today")
    if that == now - timedelta(days=1):
        return gettext("Yesterday")
    return _day_name(str(get_locale()), that, that.year == now.year)


@lru_cache(maxsize=4096)
def _day_name(locale: str, day: date, this_year: bool) -> str:
    if this_year:
        return babel.dates.format_skeleton("MMMMEEEEd", day, locale=locale)
    return babel.dates.format_date(day, "long", locale=locale)


def day_and_month(iso: str) -> str:
    """29 November; with the year when it is another one."""
    day = local_time(iso).date()
    locale = str(get_locale())
    if day.year != today().year:
        return babel.dates.format_date(day, "long", locale=locale)
    return babel.dates.format_skeleton("MMMMd", day, locale=locale)


def short_date(iso: str) -> str:
    """A date for tables."""
    if not iso:
        return ""
    return babel.dates.format_date(local_time(iso), "medium", locale=str(get_locale()))


def short_time(iso: str) -> str:
    """Date and time for tables."""
    return f"{short_date(iso)}, {clock(iso)}" if iso else ""


def number(value: int) -> str:
    """A number with the reader's separators."""
    return _number(str(get_locale() or "en"), value)


@lru_cache(maxsize=4096)
def _number(locale: str, value: int) -> str:
    return babel.numbers.format_decimal(value, locale=locale)
