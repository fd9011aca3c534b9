"""A Slack app that only keeps what it is sent: as an HTTP endpoint, or over the SDK's own socket client."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from tests.playing import Playing, wait_until


@dataclass
class Received:
    """One delivery: `kind` as Socket Mode names it; `retry` is the attempt's number (0: the first)."""

    kind: str
    payload: dict[str, Any]
    retry: int = 0
    reason: str = ""
    key: str = ""


@dataclass
class HttpApp:
    """Answers every delivery with `status`; `url` is its request URL."""

    got: list[Received] = field(default_factory=list)
    status: int = 200
    no_retry: bool = False
    url: str = ""

    def __enter__(self) -> HttpApp:
        app = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                app._take(self)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/slack/events"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        text = request.rfile.read(int(request.headers["Content-Length"])).decode()
        answer, status = b"", self.status
        if "json" in request.headers["Content-Type"]:
            payload = json.loads(text)
            kind = "events_api"
            if payload.get("type") == "url_verification":
                answer, status, kind = json.dumps({"challenge": payload["challenge"]}).encode(), 200, ""
        else:
            payload = {name: values[0] for name, values in parse_qs(text).items()}
            kind = "interactive" if "payload" in payload else "slash_commands"
        if kind:
            retry, reason = int(request.headers.get("X-Slack-Retry-Num", 0)), request.headers.get("X-Slack-Retry-Reason", "")
            self.got.append(Received(kind, payload, retry, reason))
        request.send_response(status)
        if self.no_retry:
            request.send_header("X-Slack-No-Retry", "1")
        request.end_headers()
        request.wfile.write(answer)


class SocketApp:
    """Acknowledges every envelope; `client` is slack_sdk's own (its pings are frequent, so that it soon notices silence)."""

    def __init__(self, play: Playing) -> None:
        env = play.ready["env"]
        web = WebClient(token=env["SLACK_BOT_TOKEN"], base_url=env["SLACK_API_BASE_URL"])
        self.got: list[Received] = []
        self.client = SocketModeClient(app_token=env["SLACK_APP_TOKEN"], web_client=web, ping_interval=0.5)
        self.client.socket_mode_request_listeners.append(self._take)
        self._play = play

    def __enter__(self) -> SocketApp:
        self.client.connect()
        wait_until(self.connected, 20, "a socket")
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        wait_until(lambda: not self.connected(), 20, "the socket's end")

    def connected(self) -> int:
        """How many sockets the local Slack sees."""
        return int(self._play.call("GET", "/workspace")["delivery"]["sockets"])

    def _take(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        self.got.append(Received(request.type, request.payload, request.retry_attempt or 0, request.retry_reason or "", request.envelope_id))
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
