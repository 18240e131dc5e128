"""A script that met a key of another type: the key goes, and the script is run once more.

So one key that another program wrote over is a miss, as if it had expired, and no outage. That is
possible where a script may be run whole after a part of it was, and where what is lost comes from
MongoDB or from the leases. Everything else is an outage, a short one (``chat.cache.type_check``).
"""

from chat.redis import scripts
from chat.redis_schema import ownership

# ARGV: how many of the first keys go together (one without the other would be a wrong answer), then
# the declared types, "" for unknown ones. The names of what was of another type.
MEND = """
local gone = {}
for i, key in ipairs(KEYS) do
  local kind, declared = redis.call('TYPE', key).ok, ARGV[i + 1]
  if kind ~= 'none' and declared ~= '' and kind ~= declared then gone[#gone + 1] = key end
end
if #gone > 0 then
  redis.call('DEL', unpack(gone))
  for i = 1, tonumber(ARGV[1]) do redis.call('DEL', KEYS[i]) end
end
return gone
"""


def run_again(script: str, together: int = 1) -> None:
    """Run it again after its keys of another type were deleted, and the first ``together`` with
    them: what a token or an announced write was lost of must be asked of MongoDB."""
    scripts.mended_by(
        script, lambda keys: (MEND, keys, [together, *(ownership.type_of(key) for key in keys)])
    )
