"""Cached channels: one hash of all named channels (R4), a key for each direct one; the site."""

from collections.abc import Iterable

from chat.cache import codec, read_through
from chat.cache.decoders import decoder
from chat.cache.process_copies import Copy
from chat.cache.read_through import Shape, Source
from chat.cache.shapes import nothing
from chat.models import Channel, Site, base
from chat.redis_schema import keys
from chat.telemetry import events as telemetry
from chat.text import validate


def _items(channels: dict[str, dict], key: str) -> list[str]:
    flat = [part for cid, c in channels.items() for part in (cid, codec.dump(c))]
    return flat or [nothing(key), ""]


ALL = Shape(
    "channels",
    "TTL_CHANNELS",
    ("HGETALL",),
    "HSET",
    _items,
    decoder("cache:channels:list"),
)
DIRECT = codec.json_string("cache:channels:direct:*", "channels", "TTL_CHANNELS")
SITE = codec.json_string("cache:site", "channels", "TTL_CHANNELS")


def all_source() -> Source:
    """All channels except direct ones, by id."""
    return Source(keys.channels_list(), ALL, _load_all)


def direct_source(channel_id: str) -> Source:
    """One direct channel."""
    return Source(keys.direct(channel_id), DIRECT, lambda: _load_direct(channel_id))


def site_source() -> Source:
    """The site: name and settings of the installation."""
    return Source(keys.site(), SITE, _load_site)


def get_all() -> dict[str, dict]:
    """All channels except direct ones, by id. Callers check what the reader may see."""
    return read_through.get(all_source())


def look_all() -> Copy:
    """``get_all`` with its version."""
    return read_through.look(all_source())


def get(channel_id: str) -> dict | None:
    """One channel of any kind, or None."""
    if base.object_id(channel_id) is None:
        return None
    if not read_through.is_cached("channels"):
        return read_through.past_redis(f"channel {channel_id}", lambda: Channel.find(channel_id))
    return get_all().get(channel_id) or read_through.get(direct_source(channel_id))


def get_many(channel_ids: Iterable[str]) -> list[dict]:
    """Channels of any kind, in the order of the ids; unknown ids are left out."""
    wanted = list(channel_ids)
    if not read_through.is_cached("channels"):
        read_through.note("bypass")
        telemetry.cache(keys.channels_list(), "bypass")
        return Channel.find_all(wanted) if wanted else []
    named = get_all()
    rest = [direct_source(cid) for cid in wanted if cid not in named]
    found = dict(zip((s.key for s in rest), read_through.look_all(rest), strict=True))
    each = [named.get(cid) or found[keys.direct(cid)].value for cid in wanted]
    return [channel for channel in each if channel]


def get_named(channel_ids: Iterable[str]) -> dict[str, dict]:
    """Those of these channels that are not direct, by id."""
    if read_through.is_cached("channels"):
        named = get_all()
        return {cid: named[cid] for cid in channel_ids if cid in named}
    read_through.note("bypass")
    telemetry.cache(keys.channels_list(), "bypass")
    found = Channel.find_all(list(channel_ids))
    return {channel["id"]: channel for channel in found if channel["kind"] != "direct"}


def get_by_slug(slug: str) -> dict | None:
    """The channel with this current or former slug, in any case and Unicode form; or None."""
    meant = validate.address_of(slug)
    return _get_by_slug(slug) or (_get_by_slug(meant) if meant not in ("", slug) else None)


def _get_by_slug(slug: str) -> dict | None:
    # The slug of a direct channel contains its id.
    if slug.startswith("dm-"):
        channel = get(slug.removeprefix("dm-"))
        if channel and channel["slug"] == slug:
            return channel
    if not read_through.is_cached("channels"):
        return read_through.past_redis(f"channel at {slug}", lambda: Channel.find_by_slug(slug))
    return find_slug(get_all(), slug)


def find_slug(named: dict[str, dict], slug: str) -> dict | None:
    """The channel with this slug, else one that had it before, else None."""
    channels = named.values()
    return next((c for c in channels if c["slug"] == slug), None) or next(
        (c for c in channels if slug in c["former_slugs"]), None
    )


def get_site() -> dict | None:
    """{name, open_registration}, or None before set-up."""
    return read_through.get(site_source())


def _load_all() -> dict[str, dict]:
    return {channel["id"]: channel for channel in Channel.named()}


def _load_direct(channel_id: str) -> dict | None:
    channel = Channel.find(channel_id)
    return channel if channel and channel["kind"] == "direct" else None


def _load_site() -> dict | None:
    # A set-up that was claimed but not finished does not count: see Site.claim.
    row = Site.with_owner()
    return row and {"name": row["name"], "open_registration": row["open_registration"]}
