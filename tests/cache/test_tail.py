"""What is unread is counted in a channel's newest lines as if each were looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.cache import unread_tail
from chat.cache.unread_tail import TailLine
from chat.redis_schema import keys

ANNA, BORIS = "a" * 24, "b" * 24
lines = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([ANNA, BORIS]), st.booleans()), max_size=30
)


def message(seq, author, deleted):
    return {"seq": seq, "author": {"id": author}, "deleted": deleted}


@given(steps=lines, first=st.integers(1, 50), mark=st.integers(0, 120))
def test_unread_is_what_others_said_after_the_mark_and_did_not_delete(steps, first, mark):
    messages, seq = [], first - 1
    for step, author, deleted in steps:
        seq += step
        messages.append(message(seq, author, deleted))
    newest = unread_tail.of([TailLine.of(m).encode() for m in messages])

    after = [m for m in messages if m["seq"] > mark and not m["deleted"]]
    assert newest.unread(ANNA, mark) == sum(m["author"]["id"] != ANNA for m in after)
    assert newest.last == (messages[-1]["seq"] if messages else 0)
    assert newest.reaches(mark) == (not messages or messages[0]["seq"] <= mark + 1)


def test_nothing_said_yet_is_kept_as_a_line_that_says_so():
    key = keys.tail("c" * 24)
    assert unread_tail.decode(unread_tail.items(unread_tail.of([]), key), key) == unread_tail.of([])
    assert unread_tail.decode(
        [*unread_tail.items(unread_tail.of([]), key), f"1 {ANNA} 0"], key
    ) == unread_tail.of([f"1 {ANNA} 0"])


@pytest.mark.parametrize("text", ["12", "x a 0", "1 2 3 4", "", f"1 {'a' * 24} 2"])
def test_a_line_that_is_none_is_an_error(text):
    with pytest.raises(ValueError):
        unread_tail.of([text])


@given(seq=st.integers(1, 2**53), author=st.sampled_from([ANNA, BORIS]), deleted=st.booleans())
def test_a_line_is_read_as_it_was_written_wherever_it_was_made(seq, author, deleted):
    line = TailLine.of(message(seq, author, deleted))

    assert unread_tail.decode_line(line.encode()) == line
    assert TailLine.of_row({"seq": seq, "author": author, "deleted": deleted}) == line
    assert set(unread_tail.FIELDS) == set(TailLine._fields)
