"""Pauses between retries: they grow to a limit, with jitter."""

import pytest

from chat.redis.retry_pause import pause_after


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 0.1), (2, 0.2), (3, 0.4), (6, 3.2), (7, 5.0), (50, 5.0)]
)
def test_a_pause_is_between_half_and_all_of_twice_the_one_before(failures, longest):
    pauses = [pause_after(failures) for _ in range(200)]
    assert longest / 2 <= min(pauses) < max(pauses) <= longest
    assert len(set(pauses)) > 100


def test_an_outage_of_weeks_has_pauses_to_its_end():
    assert 2.5 <= pause_after(1_000_000) <= 5.0
