from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.live.page.places import Places, source_of

STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "take", "confirm", "leave"]), st.integers(0, 30), st.sampled_from("abc")),
    max_size=80,
)


@given(STEPS, st.integers(1, 12), st.integers(1, 12))
def test_whoever_comes_gets_a_place_and_nobody_gets_them_all(
    steps: list[tuple[str, int, str]], most: int, most_of_one: int
) -> None:
    """The limits always hold, a confirmed place is never lost, and the displaced one is returned."""
    places: Places[int] = Places(most, most_of_one)
    held: dict[int, str] = {}
    for what, key, source in steps:
        if what == "take" and key not in held:
            kept = {each for each in held if places.is_confirmed(each)}
            displaced = places.take(key, source)
            held[key] = source
            if displaced is not None:
                del held[displaced]
            assert kept <= held.keys()
        elif what == "confirm":
            places.confirm(key)
        elif what == "leave":
            places.leave(key)
            held.pop(key, None)
        assert held.keys() == {each for each in range(31) if each in places}
        assert len(held) <= most
        assert all(list(held.values()).count(each) <= most_of_one for each in "abc")


def test_a_class_that_came_before_a_flood_keeps_its_places() -> None:
    """Even behind the flood's address, and although it has proved nothing."""
    places: Places[str] = Places(100, 80)
    pupils = [f"pupil {number}" for number in range(40)]
    for key in [*pupils, *(f"invented {number}" for number in range(1_000))]:
        places.take(key, "school")

    assert pupils == [each for each in pupils if each in places]


def test_a_class_that_comes_after_a_flood_gets_places() -> None:
    """Those that the flood's newcomers take from each other, and for good once its pages prove that they are there."""
    places: Places[str] = Places(100, 80)
    pupils = [f"pupil {number}" for number in range(40)]
    for key in [*(f"invented {number}" for number in range(1_000)), *pupils]:
        places.take(key, "school")
        if key.startswith("pupil"):
            places.confirm(key)
    for number in range(1_000):
        places.take(f"more {number}", "school")

    assert pupils == [each for each in pupils if each in places]


def test_a_crowd_makes_room_for_another_address() -> None:
    """When all places are taken, the address with the most unconfirmed places loses one."""
    places: Places[int] = Places(10, 8)
    for number in range(8):
        places.take(number, "crowd")
    for number in (8, 9):
        places.take(number, "small")

    displaced = places.take(10, "new")
    assert displaced is not None
    assert displaced < 8
    assert {8, 9, 10} == {number for number in (8, 9, 10) if number in places}


def test_a_quarter_is_never_anybodys_for_good() -> None:
    """However many are confirmed, of one address or of all."""
    for most, most_of_one, sources in ((8, 8, "a"), (100, 8, "a"), (8, 2, "abcd")):
        places: Places[str] = Places(most, most_of_one)
        for source in sources:
            for number in range(min(most, most_of_one)):
                places.take(f"{source}{number}", source)
                places.confirm(f"{source}{number}")
        held = [f"{source}{number}" for source in sources for number in range(8)]
        assert 6 >= sum(places.is_confirmed(key) for key in held) >= 4


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_an_address_tells_whom_it_belongs_to(host: str, source: str) -> None:
    """A host with a whole network of addresses is one owner; a text that is not an address is its own."""
    assert source == source_of(host)
