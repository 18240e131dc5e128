"""Channels: one hash with every named one (R4), a key for each direct one, and the site."""

import json
from typing import Any

from chat.cache import keys, plain, through
from chat.cache.through import Part, Shape
from chat.models import Channel, Site, base

EMPTY = ("", "null")


def _items(channels: dict[str, dict]) -> list[str]:
    return [part for cid, c in channels.items() for part in (cid, plain.dump(c))] or list(EMPTY)


def _decode(flat: Any) -> dict[str, dict]:
    pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
    return {cid: json.loads(text) for cid, text in pairs if cid}


ALL = Shape("channels", "TTL_CHANNELS", ("HGETALL",), "HSET", _items, _decode)
ONE = plain.json_string("channels", "TTL_CHANNELS")


def get_all() -> dict[str, dict]:
    """Every channel but the direct ones, by id. What a reader may see of it is decided later."""
    return through.get(keys.channels_list(), ALL, _load_all)


def get(channel_id: str) -> dict | None:
    """One channel of any kind, or None."""
    if base.object_id(channel_id) is None:
        return None
    part = Part(
        ("HGET", channel_id),
        lambda text: json.loads(text) if text else None,
        lambda channels: channels.get(channel_id),
    )
    named = through.ask(keys.channels_list(), ALL, _load_all, part)
    return named or through.get(keys.direct(channel_id), ONE, lambda: _load_direct(channel_id))


def get_by_slug(slug: str) -> dict | None:
    """By address, or by an address that it had before. Direct channels have their id in it."""
    if slug.startswith("dm-"):
        channel = get(slug.removeprefix("dm-"))
        if channel and channel["slug"] == slug:
            return channel
    channels = get_all().values()
    return next((c for c in channels if c["slug"] == slug), None) or next(
        (c for c in channels if slug in c["former_slugs"]), None
    )


def get_site() -> dict | None:
    """{name, open_registration}, or None before set-up."""
    return through.get(keys.site(), ONE, _load_site)


def _load_all() -> dict[str, dict]:
    return {channel["id"]: channel for channel in Channel.named()}


def _load_direct(channel_id: str) -> dict | None:
    channel = Channel.find(channel_id)
    return channel if channel and channel["kind"] == "direct" else None


def _load_site() -> dict | None:
    # A claimed but unfinished set-up is none: it may still be taken over (Site.claim).
    row = Site.raw() if Site.is_set_up() else None
    return row and {"name": row["name"], "open_registration": row["open_registration"]}
