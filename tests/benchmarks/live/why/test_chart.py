from __future__ import annotations

from benchmarks.live.timeline import Timeline
from benchmarks.live.why.chart import KINDS, lay_out
from benchmarks.live.words import MEANINGS


def test_lanes_have_a_row_for_each_request_that_was_there(timeline: Timeline) -> None:
    """In order, with the spans that it had there."""
    chart = lay_out(timeline)

    assert ["on its way", "the server's event loop", "worker thread 1"] == [lane.name for lane in chart.lanes]
    assert [[1, 2], [1, 2], [1, 2]] == [[row.request for row in lane.rows] for lane in chart.lanes]
    bars = [bar for lane in chart.lanes for row in lane.rows for bar in row.bars]
    assert len(timeline.spans) == len(bars)
    assert len(bars) == len({bar.id for bar in bars})
    assert all(row.request == bar.request for lane in chart.lanes for row in lane.rows for bar in row.bars)
    assert all(0 <= bar.start_ns < bar.end_ns <= chart.end_ns for bar in bars)
    assert "48.5 ms" == chart.end


def test_a_held_thread_is_drawn_behind(timeline: Timeline) -> None:
    """So that what goes on in front of it can be pointed at."""
    worker = lay_out(timeline).lanes[-1].rows[1]

    assert ["thread held", "back to the loop"] == [bar.state for bar in worker.bars]


def test_the_legend_has_what_is_drawn(timeline: Timeline) -> None:
    """And no more; every state has a look and a meaning."""
    chart = lay_out(timeline)

    assert set(MEANINGS) == set(KINDS)
    assert {str(span.state) for span in timeline.spans} == {entry.state for entry in chart.legend}
    assert all(entry.meaning for entry in chart.legend)
