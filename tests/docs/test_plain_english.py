"""The handbook, the README, the service, the instrument and the exercises are written in plain English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# This page is made of the help of the commands, in benchmarks/cli/.
GENERATED = ROOT / "docs" / "reference" / "cli.md"
PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if page != GENERATED]
PROSE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]
SERVICE = sorted(path for path in (ROOT / "flask_app").rglob("*") if path.suffix in {".py", ".html", ".js"})
INSTRUMENT = sorted(
    path
    for kind in ("py", "html", "js")
    for path in (ROOT / "benchmarks").rglob(f"*.{kind}")
    if "tasks" not in path.parts
)
TASKS_AT = ROOT / "benchmarks" / "exercises" / "tasks"
TASKS = sorted((*TASKS_AT.rglob("*.md"), *TASKS_AT.glob("*/task.toml")))

BANNED = {
    # A phrase, as a regular expression of whole words, and what to write instead.
    r"has it no harder": "is no more demanding",
    r"gone on with|goes? on with (?:it|the run)": "resume",
    r"what it lacks": "its remaining trials",
    r"nobody was there to": "say what happened: the run was killed",
    r"told from none|tell from none": "smallest detectable difference",
    r"not surely equal": "equality not shown",
    r"what ought not to be": "anomalies",
    r"ought(?: not)? to": "should",
    r"nobody can be asked": "invalid question",
    r"so-manieth": "n-th",
    r"are so narrow": "are within this",
    r"cpu(?: time)? a request": "CPU time per request",
    r"(?:started|switches|threads|work) a request": "... per request",
    r"(?:requests|answers|times|bytes|waits) a second": "... per second",
    r"a problem of rfc|problems? in the form of rfc": "a problem details answer (RFC 9457)",
    r"accounts? for (?:it|the whole|all of)": "explains",
    r"(?:is|was|are|were) tried|how a run tries": "is tested",
    r"whoever|whomever|whichever way": "name the person or thing: a client, a viewer, the caller",
    r"unless told|unless given": "by default",
    r"takes? part": "matters, is involved, affects",
    r"of one's own|to be of use": "your own, custom",
    r"nobody": "name what does not happen: no request, no test",
    r"one and the same": "the same",
    r"asks? nobody|asked by (?:https?|clients)": "depends on nothing; uses https",
    r"holds? still": "stays stable",
    r"(?:was|is|are|be) held (?:against|to)": "is compared with, checked against",
    r"held? to account": "verified, tested",
    r"turned over": "reversed, the reciprocal",
    r"thrown? away|throws? away": "discard",
    r"for ever": "forever",
    r"time-outs?(?!-the-gather)": "timeout",
    r"by whom|of whom|to whom": "turn the sentence round",
    r"made anew|makes? anew|begins? anew|drawn anew|measures? anew": "again",
    r"beside(?: it)? stands|stands? beside": "is shown beside",
    r"below stands?|above stands?": "follows, is above",
    r"it is no (?:mistake|sandbox|constant|promise|cure)": "it is not a ...",
    r"and not surely|surely": "certainly",
    r"way there and back": "round trip",
    r"mended?|mends": "fix, repair",
    r"reckoned": "calculated",
    r"somebody else's": "name the person",
    r"the like|and the like of": "say what",
    r"is left to itself": "is abandoned",
    r"hangs? up": "disconnects",
    r"looks? at it anew": "checks again",
    r"such a thing": "say which thing",
    r"what differs is": "they differ in",
    r"taken? in hand|in hand": "handle",
    r"of its own accord": "by itself",
    r"there and then": "at once, immediately",
    r"as it comes": "as it arrives",
    r"for want of": "without, because there is no",
    r"says? (?:nothing )?of|said of": "says about",
    r"put that right": "fix that",
    r"as far as can be": "as far as possible",
    r"wholly": "entirely",
    r"bears? (?:it|the claim) out": "supports",
    r"all the same": "still, anyway",
    r"(?:are|all) well": "are up, are fine",
    r"so many": "a number of, this many",
    r"half ?way": "the midpoint",
    r"(?:is|are|be|has to be) told": "say who reports what",
    r"sins?": "mistake",
    r"hold(?:s|ing)? (?:a loop|the loop|others|it) up|held up": "block, delay",
    r"(?:the one|those) who (?:ask|wait|read)s?|who (?:asks|waits)": "the client, the caller, the reader",
    r"is there since": "is there because",
    r"(?:lies?|lie) apart": "differ",
    r"waits? along": "waits too",
    r"the least of": "the smallest of",
    r"(?:lets|let) go of": "give up",
    r"in (?:his|her|its) hand": "controls",
}


def pattern_of(*phrases: str) -> re.Pattern[str]:
    """Return what finds these phrases; each may go on in the next line."""
    return re.compile(rf"\b(?:{'|'.join(phrases)})\b".replace(" ", r"\s+"))


PATTERNS = {pattern_of(phrase): instead for phrase, instead in BANNED.items()}
ANY_OF_THEM = pattern_of(*BANNED)


def prose_of(text: str, *, is_page: bool) -> str:
    """Return a text in lower case, line by line, without outputs, inline code, comment signs and continued lines."""
    if not is_page:
        return re.sub(r"^[ \t]*(?:#|//)|\\$", "", text, flags=re.MULTILINE).lower()
    lines = re.sub(r"^ *```.*?^ *```$", lambda block: "\n" * block[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`]*`", lambda code: "code" + "\n" * code[0].count("\n"), lines).lower()


def found_in(text: str) -> list[str]:
    """Return the banned phrases of a text, each with its line and what to write instead."""
    # One pass for all of them: few texts have any.
    if ANY_OF_THEM.search(text) is None:
        return []
    return [
        f"line {text.count(chr(10), 0, match.start()) + 1}: {' '.join(match[0].split())!r}; rather: {instead}"
        for pattern, instead in PATTERNS.items()
        for match in pattern.finditer(text)
    ]


@pytest.mark.parametrize("path", [*PROSE, *SERVICE, *INSTRUMENT, *TASKS], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_text_is_plain_english(path: Path) -> None:
    """It has none of the phrases that a reader must read twice; the failure says what to write instead."""
    assert [] == found_in(prose_of(path.read_text(encoding="utf-8"), is_page=path.suffix == ".md"))


def test_a_banned_phrase_is_found_over_two_lines_and_not_in_an_output() -> None:
    """The output of a real run stays as it was printed."""
    page = "# Title\n\nThe loader takes\npart.\n\n```text\nIt takes part.\n```\n"
    source = "def load():\n    # It takes\n    # part.\n"

    assert ["line 3: 'takes part'; rather: matters, is involved, affects"] == found_in(prose_of(page, is_page=True))
    assert ["line 2: 'takes part'; rather: matters, is involved, affects"] == found_in(prose_of(source, is_page=False))
