"""How cores are kept awake."""

from __future__ import annotations

from pathlib import Path

from benchmarks.calibration.awake import cores_awake


def test_no_latency_is_asked_for(tmp_path: Path) -> None:
    """As Linux takes it: 32 bits, in microseconds."""
    latency_file = tmp_path / "cpu_dma_latency"
    latency_file.touch()

    with cores_awake(latency_file) as awake:
        assert awake
        assert bytes(4) == latency_file.read_bytes()


def test_where_there_is_no_such_way_that_is_told(tmp_path: Path) -> None:
    """And no file is made."""
    with cores_awake(tmp_path / "none") as awake:
        assert not awake
    assert not list(tmp_path.iterdir())
