"""Unread counts from a channel's tail equal a count of the single messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.cache import unread_tail
from chat.cache.unread_tail import TailLine
from chat.redis_schema import keys

ANNA, BORIS = "a" * 24, "b" * 24
lines = st.lists(
    st.tuples(st.sampled_from([ANNA, BORIS]), st.booleans(), st.booleans()), max_size=30
)


def message(seq, author, deleted, outside=False):
    plain = {"seq": seq, "author": {"id": author}, "deleted": deleted}
    return plain | {"thread_id": "d" * 24} if outside else plain


@given(steps=lines, first=st.integers(1, 50), mark=st.integers(0, 120))
def test_unread_is_what_others_said_in_the_stream_after_the_mark_and_did_not_delete(
    steps, first, mark
):
    messages = [message(seq, *step) for seq, step in enumerate(steps, first)]
    newest = unread_tail.of([TailLine.of(m).encode() for m in messages])

    stream = [m for m in messages if "thread_id" not in m]
    after = [m for m in stream if m["seq"] > mark and not m["deleted"]]
    assert newest.unread(ANNA, mark) == sum(m["author"]["id"] != ANNA for m in after)
    assert newest.last == (stream[-1]["seq"] if stream else 0)
    assert newest.reaches(mark) == (not messages or messages[0]["seq"] <= mark + 1)
    assert newest.is_outside == (not stream and bool(messages) and first > 1)


def test_nothing_said_yet_is_kept_as_a_line_that_says_so():
    key = keys.tail("c" * 24)
    assert unread_tail.decode(unread_tail.items(unread_tail.of([]), key), key) == unread_tail.of([])
    assert unread_tail.decode(
        [*unread_tail.items(unread_tail.of([]), key), f"1 {ANNA} 0"], key
    ) == unread_tail.of([f"1 {ANNA} 0"])


@pytest.mark.parametrize("text", ["12", "x a 0", "1 2 3 4", "", f"1 {'a' * 24} 4"])
def test_an_invalid_line_is_an_error(text):
    with pytest.raises(ValueError):
        unread_tail.of([text])


@given(
    seq=st.integers(1, 2**53), author=st.sampled_from([ANNA, BORIS]), deleted=st.booleans(),
    outside=st.booleans(),
)  # fmt: skip
def test_a_line_is_read_as_it_was_written_wherever_it_was_made(seq, author, deleted, outside):
    line = TailLine.of(message(seq, author, deleted, outside))
    row = {"seq": seq, "author": author, "deleted": deleted} | ({"thread": 1} if outside else {})

    assert unread_tail.decode_line(line.encode()) == line
    assert TailLine.of_row(row) == line
    assert set(row) <= set(unread_tail.FIELDS)
