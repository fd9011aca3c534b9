"""Traces for those who want them: the extra ``otel`` installed and ``OTEL_EXPORTER_OTLP_ENDPOINT`` set (OpenTelemetry: SDK environment variables).

Nothing that sends is imported otherwise. One operation is one trace, over processes, replicas and restarts, with nothing stored for it: the ids
of its root are made from its id.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

log = logging.getLogger(__name__)
FLUSH_SECONDS: Final = 2.0
_open: dict[str, Any] = {}


def begin(process: str) -> None:
    """Send spans from here on; where the packages are missing, only say so."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("no traces are sent: pip install 'quartermaster[otel]'")
        return
    # Not the global provider: docket would then send a span of its own for every wake.
    provider = TracerProvider(resource=Resource.create({"service.name": f"quartermaster-{process}"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _open.update(provider=provider, tracer=provider.get_tracer("quartermaster"))


def end() -> None:
    """Send what is left, within a limit: a collector that hangs must not hold up the drain."""
    provider = _open.pop("provider", None)
    _open.clear()
    if provider is not None:
        closing = threading.Thread(target=provider.shutdown, daemon=True)
        closing.start()
        closing.join(FLUSH_SECONDS)


@contextlib.contextmanager
def span(name: str, operation: str = "", **attributes: str) -> Iterator[None]:
    """A span around what is done here; with `operation` it belongs to that operation's trace."""
    tracer = _open.get("tracer")
    if tracer is None:
        yield
        return
    known = {"operation": operation, **attributes} if operation else attributes
    with tracer.start_as_current_span(name, _root(operation) if operation else None, attributes=known):
        yield


def add(name: str, seconds: float, **attributes: str) -> None:
    """A span for what ended just now and took that long."""
    tracer = _open.get("tracer")
    if tracer is not None:
        now = time.time_ns()
        tracer.start_span(name, start_time=now - int(seconds * 1e9), attributes=attributes).end(now)


def _root(operation: str) -> Any:
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    digest = hashlib.sha256(operation.encode()).digest()
    ids = int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big")
    return set_span_in_context(NonRecordingSpan(SpanContext(*ids, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))))
