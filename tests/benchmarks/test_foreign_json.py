"""How JSON from outside is read, alone and by every command that reads a run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.errors import LabError
from benchmarks.foreign_json import MOST_DIGITS, MOST_LEVELS, ForeignJSONError, read_json, read_object
from benchmarks.measure.load import wire
from benchmarks.measure.load.k6 import read_summary
from tests.benchmarks.cli.kept_runs import lab, told

HOSTILE = {
    "arrays without an end": (b"[" * 4096, "levels deep"),
    "objects without an end": (b'{"a":' * 4096, "levels deep"),
    "a whole value that is too deep": (b"[" * 400 + b"]" * 400, "levels deep"),
    "more digits than Python reads": (b"9" * 5000, "digits"),
    "more digits than a float holds": (b"-" + b"9" * 320, "digits"),
    "an exponent that no float has": (b"[1e999]", "too large"),
    "not a number": (b'{"a": NaN}', "NaN"),
    "infinity": (b"-Infinity", "-Infinity"),
    "half a character": (b'"\xe2\x82', "UTF-8"),
    "an escaped half of a pair": (rb'{"a": "\ud800"}', "surrogate"),
    "a half of a pair in bytes": (b'"\xed\xa0\x80"', "UTF-8"),
    "a name that is half of a pair": (rb'[{"\udfff": 1}]', "surrogate"),
    "another encoding": ('{"a": 1}'.encode("utf-16"), "UTF-8"),
    "nothing": (b"", "Expecting value"),
    "two values": (b"1 2", "Extra data"),
}
OTHER_TYPES = (b"null", b"true", b"1", b'"run"', b"[]", b"[[]]", b"{}", b'{"schema_version": {}}')


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_json_is_refused_in_a_sentence(name: str) -> None:
    """The message is short, however long the text is."""
    text, said = HOSTILE[name]

    with pytest.raises(ForeignJSONError, match=said) as refused:
        read_json(text)
    assert len(str(refused.value)) < 100


@given(
    st.binary()
    | st.text()
    | st.lists(st.sampled_from(['"', "\\u", "d800", "[", "{", "]", "}", ":", ",", "1", "e9", "-", "NaN", " "])).map(
        "".join
    )
)
@example("\ud800")
@example('"\ud800"')
def test_any_text_is_refused_or_a_value_that_can_be_worked_with(text: str | bytes) -> None:
    """Nothing else is raised, and what is returned can be written again."""
    try:
        value = read_json(text)
    except ForeignJSONError:
        return
    assert value == json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text().filter(lambda text: text.isascii()),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("a\\u\n"), inner),
    )
)
@example([10**MOST_DIGITS // 10, -(10 ** (MOST_DIGITS - 2)), math.ulp(0)])
@example("\N{GRINNING FACE}")
def test_every_value_of_json_is_read_as_it_was(value: object) -> None:
    """The limits exclude only values that nobody writes."""
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False).encode()):
        assert value == read_json(text)


def test_as_many_levels_as_may_be_are_read() -> None:
    """One more level is too many."""
    deep = "[" * MOST_LEVELS + "1" + "]" * MOST_LEVELS

    assert deep == json.dumps(read_json(deep))
    with pytest.raises(ForeignJSONError, match="levels"):
        read_json(f"[{deep}]")


@pytest.mark.parametrize("text", [b"null", b"1", b'"a"', b"[]"])
def test_anything_but_an_object_is_refused_where_one_is_expected(text: bytes) -> None:
    """Every reader of objects refuses it."""
    with pytest.raises(ForeignJSONError, match="no JSON object"):
        read_object(text)
    with pytest.raises(ValueError, match="no JSON object"):
        wire.decode_event(text)
    with pytest.raises(ValueError, match="no JSON object"):
        wire.decode_order(text)


@pytest.mark.parametrize("text", [text for text, _ in HOSTILE.values()] + list(OTHER_TYPES))
def test_a_summary_that_k6_did_not_write_is_refused(text: bytes) -> None:
    """The message is an error of the lab."""
    with pytest.raises(LabError):
        read_summary(text.decode(errors="replace"), None)


COMMANDS = (
    ("report", "{place}"),
    ("diff", "{place}", "{place}"),
    ("pool", "{place}", "{place}"),
    ("crossover", "--from", "{place}"),
    ("compare", "--resume", "{place}"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("file", ["run.json", "journal.jsonl"])
def test_every_command_that_reads_a_run_refuses_one_in_words(
    tmp_path: Path, command: tuple[str, ...], file: str
) -> None:
    """The message names the file; there is no traceback."""
    for text in (*(text for text, _ in HOSTILE.values()), *OTHER_TYPES):
        for content in (text, b'{"kind": "run", "value": ' + text + b"}"):
            (tmp_path / file).write_bytes(content + b"\n")
            ended = lab(*(part.format(place=tmp_path) for part in command))

            assert isinstance(ended.exception, SystemExit), (content[:40], ended.exception)
            assert 0 != ended.exit_code
            assert tmp_path.name in told(ended)
            assert len(told(ended)) < 1000
