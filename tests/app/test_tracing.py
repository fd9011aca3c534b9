"""Traces: one operation is one trace over all processes, sent where the standard variable says - and nothing where it says nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.playing import ROOT, playing, wait_until


class Receiver(BaseHTTPRequestHandler):
    """An OTLP receiver (OpenTelemetry: OTLP/HTTP, binary protobuf on /v1/traces)."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf":
            self.bodies.append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[bytes]]]:
    Receiver.bodies = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Receiver.bodies
    server.shutdown()


def test_an_operation_is_one_trace_from_the_request_over_its_steps_to_the_calls(receiver: tuple[str, list[bytes]]) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra otel is not installed")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    url, bodies = receiver
    with playing("--no-bot", speed=200) as play:
        for name in ("web", "worker"):
            play.bot(name, OTEL_EXPORTER_OTLP_ENDPOINT=url)
        wait_until(lambda: "On it" in play.command("cluster list"), 30, "web to answer")
        play.card("cluster", seconds=30)
        for process in play.bots.values():
            process.terminate()
            assert process.wait(20) == 0
    found = []
    for body in bodies:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            found += [(service, span) for scope in resource.scope_spans for span in scope.spans]
    asked = next(span for service, span in found if service == "quartermaster-web" and span.name == "request")
    mine = {span.name: (service, span) for service, span in found if span.trace_id == asked.trace_id}
    steps = {span.span_id for _, span in mine.values() if span.name.startswith("step ")}
    service, listing = mine["arm GET"]
    assert service == "quartermaster-worker"
    assert listing.parent_span_id in steps
    assert {one.key for one in listing.attributes} == {"service", "call", "result", "request_id"}
    assert len({span.span_id for _, span in found}) == len(found)


@pytest.mark.parametrize("name", ["web", "worker"])
def test_where_no_traces_are_wanted_nothing_is_imported_that_sends_them(name: str) -> None:
    code = f"import sys, bot.__main__, bot.app.{name}; sys.exit(any(one.startswith('opentelemetry.exporter') for one in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_without_the_packages_it_says_how_to_have_them_and_goes_on() -> None:
    code = (
        "import sys; sys.modules['opentelemetry.sdk'] = sys.modules['opentelemetry.exporter'] = None\n"
        "from bot import tracing\n"
        "tracing.begin('web')\n"
        "with tracing.span('x', 'op'): tracing.add('y', 1.0)\n"
        "tracing.end(); print('went on')"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert "pip install 'quartermaster[otel]'" in ran.stderr
    assert ran.stdout == "went on\n"
