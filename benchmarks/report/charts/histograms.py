"""Adds up the HDR histograms of several trials and reads the latency off by which each share was answered."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException
from hdrh.histogram import HdrHistogram

_UNREADABLE = (
    *(HdrCookieException, HdrHistogramSettingsException, HdrLengthException, zlib.error),
    *(IndexError, RuntimeError, TypeError, ValueError),
)


class HistogramError(Exception):
    """A histogram cannot be read."""


def quantiles_ms(encoded: Sequence[str], percents: Sequence[float]) -> list[float]:
    """Return latency percentiles of all the trials' requests together.

    Args:
        encoded: Histograms of whole microseconds in HdrHistogram's V2 compressed base64 form.
        percents: 0 to 100, ascending, each once.
    Returns:
        Milliseconds, one for each of ``percents``; empty when no request is in any histogram.
    Raises:
        HistogramError: One of them is not such a histogram.
    """
    try:
        parts = [HdrHistogram.decode(text) for text in encoded]
        parts = [part for part in parts if part.get_total_count() > 0]
        if not parts:
            return []
        total = HdrHistogram(
            min(part.lowest_trackable_value for part in parts),
            max(part.highest_trackable_value for part in parts),
            max(part.significant_figures for part in parts),
        )
        for part in parts:
            total.add(part)
        values_us = total.get_percentile_to_value_dict(percents)
    except _UNREADABLE as error:
        raise HistogramError(f"not an HDR histogram in V2 base64 form ({error or type(error).__name__})") from error
    return [values_us[percent] / 1000 for percent in percents]
