"""Makes HTML of what is told: the parts of the page that change are rendered here, and a browser only puts them in."""

from __future__ import annotations

import jinja2

from benchmarks.live.page.guesses import FRAMEWORKS, Guesses
from benchmarks.live.page.telling import RaceStory
from benchmarks.report.charts.guesses import GuessedRatio, guess_chart
from benchmarks.report.figures import amount, interval, sign
from benchmarks.report.formats.html import fragment, words
from benchmarks.report.naming import framework_name


class Renderer:
    """Renders parts of the page; may be called from any thread.

    Args:
        environment: With the page's templates, which escapes.
    """

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment
        # What a run carries is on one line and steers nothing, as in the report.
        environment.filters["words"] = words
        environment.globals |= {"amount": amount, "interval": interval, "fragment": fragment, "sign": sign}

    def race(self, story: RaceStory) -> str:
        """Return a race as it stands: verdicts, charts and figures."""
        return self._environment.get_template("race.html").render(story=story)

    def guesses(self, guesses: Guesses, story: RaceStory | None) -> str:
        """Return what the class guessed, against what was measured.

        Args:
            guesses: Of the class.
            story: Of the race that answers them; ``None`` before there is one: what others guess is then nobody's.
        """
        if story is None:
            return ""
        ratios = story.ratios
        guessed = tuple(
            GuessedRatio(
                framework=framework,
                name=framework_name(framework),
                guesses=guesses.of(framework),
                median=guesses.median(framework),
                measured=ratios.get(framework),
            )
            for framework in FRAMEWORKS
        )
        chart = guess_chart(guessed)
        return self._environment.get_template("reveal.html").render(guessed=guessed, chart=chart, story=story)
