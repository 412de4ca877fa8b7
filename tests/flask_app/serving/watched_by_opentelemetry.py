"""OpenTelemetry watches an app: it replaces the class ``flask.Flask`` or an app's ``wsgi_app``, and adds hooks."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.flask_app.serving import watched

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("watched")


def view(user: str) -> None:
    """Make a span of the view's own."""
    with tracer.start_as_current_span(f"view of {user}"):
        pass


def events() -> list[Any]:
    """Return the spans, each with its route, its status, its URL and its parent's URL."""
    spans = exporter.get_finished_spans()
    exporter.clear()
    url_of = {span.context.span_id: _url_of(span) for span in spans}
    return sorted(
        (
            (
                span.name,
                span.kind.name,
                *((span.attributes or {}).get(name) for name in ("http.route", "http.status_code")),
                url_of[span.context.span_id],
                span.parent and url_of.get(span.parent.span_id),
            )
            for span in spans
        ),
        key=str,
    )


def _url_of(span: ReadableSpan) -> str | None:
    # In parts where the server says what the client's request line was, which Werkzeug's test client does.
    attributes = span.attributes or {}
    if "http.target" in attributes:
        scheme, host, target = (str(attributes[f"http.{name}"]) for name in ("scheme", "host", "target"))
        return f"{scheme}://{host}{target}"
    url = attributes.get("http.url")
    return None if url is None else str(url)


def make(early: bool) -> watched.Tool:
    """Return the tool, which replaces the class of all apps or adds to each."""
    if early:
        return watched.Tool(events, start=FlaskInstrumentor().instrument, viewed=view)
    return watched.Tool(events, watch=FlaskInstrumentor.instrument_app, viewed=view)


if __name__ == "__main__":
    watched.main(make)
