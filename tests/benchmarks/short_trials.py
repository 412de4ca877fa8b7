"""Makes trials as short as can be, for tests that look at all but their figures."""

from __future__ import annotations

import dataclasses

from benchmarks.measure import presets
from benchmarks.measure.presets import Preset


def shortened() -> Preset:
    """Return the preset ``quick`` with shorter trials, which still take turns in slices."""
    usual = presets.PRESETS["quick"]
    return dataclasses.replace(
        usual,
        health=dataclasses.replace(usual.health, duration_s=0.2, warmup_s=0.05, slices=2),
        wait=dataclasses.replace(usual.wait, duration_s=0.2, warmup_s=0.05),
    )
