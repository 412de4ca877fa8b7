from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.report.plain_text import one_line, shorten


def test_what_steers_a_terminal_or_the_eye_is_replaced() -> None:
    """Escape sequences, bidirectional overrides and lone surrogates show as the replacement character."""
    assert "red\ufffd[31m x\ufffdy z\ufffd" == one_line("red\x1b[31m\n x\u202ey\tz\ud800")


def test_traditional_chinese_and_signs_stay() -> None:
    """The tutorial's words pass as they are."""
    assert "小獅：FastAPI 也沒多厲害啊！2.02 ×" == one_line("小獅：FastAPI 也沒多厲害啊！2.02 ×")


def test_a_cut_is_marked() -> None:
    """A text that is too long ends in an ellipsis, inside the limit."""
    assert "abcd…" == shorten("abcdefgh", 5)
    assert "abcde" == shorten("abcde", 5)
    assert 2000 == len(one_line("x" * 9000))


@given(st.text())
def test_any_text_becomes_one_safe_line(text: str) -> None:
    """Nothing is left that is a control, a format character or a line break."""
    line = one_line(text)

    assert 1 >= len(line.splitlines())
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} for character in line)
    line.encode("utf-8")
