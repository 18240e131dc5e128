"""The cache in memory: entries used last stay, and sizes are bounded."""

from hypothesis import given
from hypothesis import strategies as st

from chat import lru
from chat.lru import LRU

MOST = 20
KEYS = st.integers(0, 8)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.integers(0, MOST + 2)),
        st.tuples(st.just("get"), KEYS, st.just(0)),
        st.tuples(st.just("drop"), KEYS, st.just(0)),
        st.tuples(st.just("resize"), KEYS, st.integers(0, MOST + 2)),
    ),
    max_size=60,
)


def test_the_entry_used_longest_ago_goes_first():
    kept = LRU(2)
    kept.put("a", "one")
    kept.put("b", "two")
    assert kept.get("a") == "one"
    kept.put("c", "three")
    assert kept.get("b") is None
    assert (kept.get("a"), kept.get("c")) == ("one", "three")


def test_what_is_larger_than_the_cache_pushes_nothing_else_out():
    kept = LRU(10)
    kept.put("a", "one", 4)
    kept.put("b", "two", 4)
    kept.put("b", "far too long", 11)
    assert (kept.get("a"), kept.get("b"), kept.size) == ("one", None, 4)


def test_an_entry_ends_however_often_it_is_used(monkeypatch):
    now = 100.0
    monkeypatch.setattr(lru, "monotonic", lambda: now)
    kept = LRU(10, seconds=5)
    kept.put("a", "one", 3)
    now = 104.0
    assert kept.get("a") == "one"
    now = 105.5
    assert kept.get("a") is None
    assert (len(kept), kept.size) == (0, 0)


def test_an_entry_that_grows_keeps_its_lifetime(monkeypatch):
    now = 100.0
    monkeypatch.setattr(lru, "monotonic", lambda: now)
    kept = LRU(10, seconds=5)
    kept.put("a", "one", 3)
    now = 104.0
    kept.resize("a", 5)
    assert (kept.get("a"), kept.size) == ("one", 5)
    now = 105.5
    assert kept.get("a") is None


@given(STEPS)
def test_it_holds_the_latest_that_fit_and_counts_their_sizes(steps):
    kept, expected = LRU(MOST), {}  # a dictionary keeps its order: the one used last is last
    for number, (what, key, size) in enumerate(steps):
        found = expected.pop(key, None)
        if what == "put":
            kept.put(key, number, size)
            if size <= MOST:
                expected[key] = (number, size)
            while sum(size for _, size in expected.values()) > MOST:
                del expected[next(iter(expected))]
        elif what == "drop":
            kept.drop(key)
        elif what == "resize":
            kept.resize(key, size)
            if found and size <= MOST:
                expected[key] = (found[0], size)
            while sum(size for _, size in expected.values()) > MOST:
                del expected[next(iter(expected))]
        else:
            assert kept.get(key) == (found[0] if found else None)
            if found:
                expected[key] = found
    assert len(kept) == len(expected)
    assert kept.size == sum(size for _, size in expected.values())
    assert [kept.get(key) for key in expected] == [value for value, _ in expected.values()]
