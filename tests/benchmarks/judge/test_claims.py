from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.errors import LabError
from benchmarks.judge.claims import Claim, parse_claims

LEDGER = """\
# The first line is a comment.
[[claim]]
id = "twice"
number = 1
title = "Twice"
quote = [
    "前面的",
    "a line = with what looks like a key",
]
english = '''
[[claim]] inside a text is no table
'''

[claim.figures]
rate_per_s = { sync = 1.0, async = 2 }

[[claim.test]]
kind = "ratio"
subject = "Flask"
framework = "flask"
serving = "hypercorn"
workload = "health"

[[claim]]
id = "best"
number = 2
title = "Best"
quote = ["差不多嘛"]
english = "About the same."

[claim.figures]
running_threads = { async = 1 }

[[claim.test]]
kind = "best"
subject = "Both"
framework = "fastapi"
against = "flask"
workload = "health"
much = 1.5
among = "fastapi-async@uvicorn"

[[claim.test]]
kind = "event-loop"
subject = "Flask"
framework = "flask"
serving = "hypercorn"
workload = "health"
"""

# The tutorial's words, typed out here so that the ledger is held to them where the tutorial is not at hand.
QUOTES = {
    "response-model": (
        "小獅：喔，有整合 OpenAPI document，但是好像給的資訊沒有很完整",
        "老獅：那是你寫的不完整，把那隻 API 加上 `Response Model` 看看",
        "小獅：看起來真的清楚多了",
    ),
    "async-throughput": (
        "FastAPI 還有支援原生的非同步，對於 HTTP 服務的效能來說，在不少情況下都有顯著的優化",
        "http_reqs......................: 123311 4110.097729/s",
        "http_reqs......................: 249101 8303.043402/s",
    ),
    "async-latency": (
        "可以看到對大部分的等待時間都有幫助",
        "http_req_duration..............: avg=2.41ms min=1.19ms med=2.39ms max=8.32ms p(90)=2.75ms p(95)=2.91ms",
        "http_req_duration..............: avg=1.18ms min=215µs    med=1.18ms max=5.87ms p(90)=1.23ms p(95)=1.27ms",
    ),
    "waits-do-not-block": ("畢竟前面的不會因為 IO 而擋住後面的請求",),
    "single-thread-event-loop": (
        (
            "他是透過作業系統提供的系統呼叫 `select`, `poll`, `epoll` 等方法，當系統發現該等待的工作完成了，"
            "才讓你做下一步驟，其他時間你可以去做別的事情"
        ),
        "注意：此處為 event loop 的精髓，你的程式就真的只有一隻執行序在跑一個 loop",
    ),
    "fastapi-not-much-better": ("小獅：好了，檢查點寫完了，FastAPI 也沒多厲害啊！和 flask 差不多嘛？",),
}
TUTORIAL = Path(__file__).parents[4] / "shared" / "tutorial"


def test_the_shipped_ledger_quotes_the_tutorial(claims: tuple[Claim, ...]) -> None:
    """Six claims, in the tutorial's own words."""
    assert QUOTES == {claim.id: claim.quote for claim in claims}
    assert [1, 2, 3, 4, 5, 6] == [claim.number for claim in claims]


@pytest.mark.skipif(not TUTORIAL.is_dir(), reason="the tutorial lies beside the repository only where it was written")
def test_the_quotes_stand_in_the_tutorial() -> None:
    """Every quoted word and line is in the tutorial, character by character."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(TUTORIAL.glob("*.txt")))

    assert [] == [words for quote in QUOTES.values() for words in quote if words not in text]


def test_the_shipped_figures_are_the_printed_ones(claim: Callable[[str], Claim]) -> None:
    """The ratios are made of what the tutorial printed, which stands in the quoted lines."""
    throughput, latency = claim("async-throughput"), claim("async-latency")

    assert 2.0202 == pytest.approx(throughput.figures[0].ratio, abs=5e-5)
    assert [0.4896, 0.4364] == pytest.approx([figure.ratio for figure in latency.figures], abs=5e-5)
    for shown in (throughput, latency):
        for figure in shown.figures:
            assert f"{figure.sync:.10g}" in shown.quote[1]
            assert f"{figure.asynchronous:.10g}" in shown.quote[2]


def test_both_frameworks_are_tried_on_every_claim(claims: tuple[Claim, ...]) -> None:
    """FastAPI on the tutorial's set-up, Flask on Hypercorn's WSGI wrapper, under each workload of the claim."""
    for claim in claims:
        for workload in {test.workload for test in claim.tests}:
            tests = [test for test in claim.tests if test.workload == workload]
            if claim.id == "fastapi-not-much-better":
                assert [("fastapi", "flask", 1.5), ("fastapi", "plainflask", 1.5)] == [
                    (test.framework, test.against, test.much) for test in tests
                ]
                assert [False, True] == [test.is_beside for test in tests]
            else:
                assert ["FastAPI", "Flask"] == [test.subject for test in tests]
            if tests[0].serving:
                assert [("fastapi", "uvicorn"), ("flask", "hypercorn")] == [
                    (test.framework, test.serving) for test in tests
                ]


def test_a_ledger_is_read(claims: tuple[Claim, ...]) -> None:
    """Every value arrives where it belongs; a whole number is a figure too."""
    twice, best = parse_claims(LEDGER)

    assert ("twice", 1, "Twice") == (twice.id, twice.number, twice.title)
    assert ("前面的", "a line = with what looks like a key") == twice.quote
    assert "[[claim]] inside a text is no table\n" == twice.english
    assert [("rate_per_s", 1.0, 2.0, 2.0)] == [
        (figure.name, figure.sync, figure.asynchronous, figure.ratio) for figure in twice.figures
    ]
    assert best.figures[0].ratio is None
    assert ("ratio", "Flask", "flask", "hypercorn", "health", "", 0.0) == (
        twice.tests[0].kind,
        twice.tests[0].subject,
        twice.tests[0].framework,
        twice.tests[0].serving,
        twice.tests[0].workload,
        twice.tests[0].against,
        twice.tests[0].much,
    )
    assert ["best", "event-loop"] == [test.kind for test in best.tests]
    assert 1.5 == best.tests[0].much


def test_a_claim_may_have_no_figure() -> None:
    """Where the tutorial gave no number there is none to write down."""
    without = LEDGER.replace("[claim.figures]\nrate_per_s = { sync = 1.0, async = 2 }\n", "").replace(
        'kind = "ratio"', 'kind = "waits"'
    )

    assert () == parse_claims(without)[0].figures


@pytest.mark.parametrize(
    ("replaced", "by", "problem"),
    [
        ('title = "Twice"', 'title = "Twice', r"at line 5"),
        ('[[claim]]\nid = "best"', '[claim]\nid = "best"', r"at line 24"),
        ('title = "Twice"', 'titel = "Twice"', r"0\.t\w+: "),
        ('title = "Twice"\n', "", r"0\.title: Field required"),
        ('title = "Twice"', "title = 2", r"0\.title: .* string"),
        ("number = 1", 'number = "one"', r"0\.number: .* integer"),
        ('quote = ["差不多嘛"]', 'quote = "差不多嘛"', r"1\.quote: .* tuple"),
        ('quote = ["差不多嘛"]', 'quote = ["差不多嘛", 1]', r"1\.quote\.1: .* string"),
        ("[claim.figures]\nrate_per_s = { sync = 1.0, async = 2 }", "figures = 2", "not a ledger: "),
        ("rate_per_s =", "rates_per_s =", r"0\.figures\.0\.name: .*'rate_per_s', 'latency_average_ms'"),
        ("rate_per_s = { sync = 1.0, async = 2 }", "rate_per_s = 2.02", "not a ledger: "),
        ("async = 2 }", "asink = 2 }", r"0\.figures\.0\.as"),
        ("sync = 1.0", 'sync = "fast"', r"0\.figures\.0\.sync: .* number"),
        ('kind = "ratio"\n', "", r"0\.tests\.0\.kind: Field required"),
        ('kind = "ratio"', 'kind = "ratios"', r"0\.tests\.0\.kind: .*'documents', 'ratio'"),
        ('serving = "hypercorn"', 'servin = "hypercorn"', r"0\.tests\.0\.servin: "),
        ('framework = "fastapi"', "framework = 1", r"1\.tests\.0\.framework: .* string"),
        (
            'serving = "hypercorn"\nworkload = "health"\n\n[[claim]]',
            "\n\n[[claim]]",
            "twice: .* needs serving, workload",
        ),
        ("much = 1.5", "", "best: a test of kind best needs much"),
        (
            "rate_per_s = { sync = 1.0, async = 2 }",
            "",
            "twice: a test of kind ratio needs one of the figures rate_per_s",
        ),
        ("running_threads = { async = 1 }", "", "best: a test of kind event-loop needs the figure running_threads"),
    ],
)
def test_a_malformed_ledger_says_where(replaced: str, by: str, problem: str) -> None:
    """The message says which claim is wrong, and what belongs there."""
    assert replaced in LEDGER

    with pytest.raises(LabError, match=problem):
        parse_claims(LEDGER.replace(replaced, by, 1))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r"there is no \[\[claim\]\]"),
        ("\n[[claims]]\nid = 1\n", r"there is no \[\[claim\]\]"),
        ("\nclaim = 3\n", "not a ledger: "),
        ("\n\n[claim]\nid = 1\n", "not a ledger: "),
        ("\nclaim = [1]\n", "not a ledger: "),
        ('x = """\n\n', "not a ledger: "),
        ("a = " + "[" * 100_000, "not a ledger: "),
    ],
)
def test_what_is_no_ledger_is_said_to_be_none(text: str, problem: str) -> None:
    """An empty, foreign or half file is an error, too."""
    with pytest.raises(LabError, match=problem):
        parse_claims(text)
