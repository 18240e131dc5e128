"""Repairs a key of the wrong type: it is deleted, and the script that met it runs once more.

So a key that another program overwrote is a cache miss, as if it had expired, and not an outage.
This is possible if the script may run again in full after a part of it has run, and if the lost
data can be rebuilt from MongoDB or from the leases. Otherwise it is a short outage
(``chat.cache.key_repair``).
"""

from chat.redis import scripts
from chat.redis_schema import ownership

# ARGV: how many of the first keys are deleted together (one without the other would give a wrong
# answer), then the declared type of each key, "" if unknown. Returns the names of the keys that had
# another type.
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
    """Repair the keys of ``script`` and run it again if a key has the wrong type.

    The first ``together`` keys are deleted as well: a value whose token or announced write is lost
    must be read from MongoDB.
    """
    scripts.mended_by(
        script, lambda keys: (MEND, keys, [together, *(ownership.type_of(key) for key in keys)])
    )
