"""Faults of the local Slack have the effect that is said of them: answers of the Web API, deliveries lost and repeated, sockets that break."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.judge.probes import Probe, probe_of
from tests.judge.receiver import HttpApp, Received, SocketApp
from tests.playing import ALICE, GPU, Playing, wait_until


@pytest.fixture
def slack(play: Playing) -> Probe:
    return probe_of(play, "slack")


@pytest.fixture
def http(play: Playing) -> Iterator[HttpApp]:
    with HttpApp() as app:
        assert play.call("POST", "/delivery", {"mode": "http", "url": app.url})["ok"]
        yield app
        play.call("POST", "/delivery", {"mode": "socket"})


@pytest.fixture
def socket(play: Playing) -> Iterator[SocketApp]:
    play.call("POST", "/delivery", {"mode": "socket"})
    with SocketApp(play) as app:
        yield app


def command(play: Playing) -> Any:
    return play.call("POST", "/commands", {"user": ALICE, "channel": GPU, "text": "status"})


def events(app: HttpApp | SocketApp) -> list[Received]:
    return [one for one in app.got if one.kind == "events_api" and one.payload["event"]["type"] == "app_mention"]


def mentioned(play: Playing) -> None:
    play.mention("", "hello")


def test_error_is_answered_and_nothing_is_done(play: Playing, slack: Probe) -> None:
    play.fault("slack", "error", "chat.postMessage", error="fatal_error")
    answer = slack.write("refused")
    assert (answer.status, answer.body["ok"], answer.body["error"], slack.there("refused")) == (200, False, "fatal_error", False)
    assert slack.write("accepted").body["ok"]


def test_ratelimited_says_how_long_to_wait(play: Playing, slack: Probe) -> None:
    play.fault("slack", "ratelimited", "chat.postMessage", retry_after=30)
    answer = slack.write("limited")
    assert (answer.status, answer.body["error"], answer.headers["retry-after"]) == (429, "ratelimited", "30")
    assert not slack.there("limited")


def test_block_not_rolled_out_is_refused_until_it_is(play: Playing, slack: Probe) -> None:
    play.fault("slack", "block_not_rolled_out", type="markdown")
    body = {"channel": "C0ML", "text": "x", "blocks": [{"type": "markdown", "text": "**x**"}]}
    assert slack.call("POST", "/chat.postMessage", body).body["error"] == "invalid_blocks"
    assert slack.call("POST", "/chat.postMessage", body).body["ok"]


def test_block_not_rolled_out_is_counted_by_type(play: Playing, slack: Probe) -> None:
    for kind in ("plan", "markdown"):
        play.fault("slack", "block_not_rolled_out", type=kind)
    body = {"channel": "C0ML", "text": "x", "blocks": [{"type": "markdown", "text": "**x**"}]}
    assert slack.call("POST", "/chat.postMessage", body).body["error"] == "invalid_blocks"
    assert [fault["type"] for fault in play.call("GET", "/faults")["faults"]] == ["plan"]


def test_lost_reaches_nobody_and_the_person_is_told(play: Playing, http: HttpApp) -> None:
    play.fault("slack", "lost", "slash_commands")
    assert command(play)["error"] == "operation_timeout"
    assert http.got == []
    assert command(play)["ok"]


def test_a_lost_event_comes_again(play: Playing, http: HttpApp) -> None:
    play.fault("slack", "lost", "app_mention")
    mentioned(play)
    wait_until(lambda: events(http), 10, "the retry")
    assert [(one.retry, one.reason) for one in events(http)] == [(1, "http_timeout")]


def test_deliver_twice_is_the_same_event_or_command_again(play: Playing, http: HttpApp) -> None:
    play.fault("slack", "deliver_twice", "app_mention|slash_commands", times=2)
    mentioned(play)
    wait_until(lambda: len(events(http)) == 2, 10, "the event, twice")
    assert len({one.payload["event_id"] for one in events(http)}) == 1
    command(play)
    wait_until(lambda: sum(one.kind == "slash_commands" for one in http.got) == 2, 10, "the command, twice")
    assert len({one.payload["trigger_id"] for one in http.got if one.kind == "slash_commands"}) == 1


def test_redeliver_comes_again_although_it_was_taken(play: Playing, http: HttpApp) -> None:
    play.fault("slack", "redeliver", "app_mention")
    mentioned(play)
    wait_until(lambda: len(events(http)) == 2, 10, "the event again")
    assert [one.retry for one in events(http)] == [0, 1]


def test_redelivery_over_a_socket_has_an_envelope_of_its_own(play: Playing, socket: SocketApp) -> None:
    play.fault("slack", "redeliver", "app_mention")
    mentioned(play)
    wait_until(lambda: len(events(socket)) == 2, 10, "the event again")
    first, second = events(socket)
    assert first.payload["event_id"] == second.payload["event_id"]
    assert (first.key != second.key, first.retry, second.retry) == (True, 0, 1)


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
def test_socket_disconnect_makes_the_sdk_come_back(play: Playing, socket: SocketApp, reason: str) -> None:
    before = socket.client.current_session_state
    play.fault("slack", "socket_disconnect", "slash_commands", reason=reason)
    command(play)
    wait_until(lambda: socket.client.current_session_state is not before, 20, "another session")
    assert_delivered(play, socket)


@pytest.mark.parametrize("effect", ["socket_close", "socket_reset", "socket_silent"])
def test_a_socket_that_breaks_is_replaced_by_the_sdk(play: Playing, socket: SocketApp, effect: str) -> None:
    play.fault("slack", effect, "slash_commands")
    assert command(play)["error"] in ("dispatch_failed", "operation_timeout")
    assert_delivered(play, socket)


def assert_delivered(play: Playing, app: SocketApp) -> None:
    app.got.clear()
    wait_until(lambda: command(play)["ok"], 60, "a command gets through again")
    assert [one.kind for one in app.got][-1] == "slash_commands"


def test_a_response_url_ends_after_thirty_minutes_of_the_clock(play: Playing, http: HttpApp) -> None:
    command(play)
    url = http.got[-1].payload["response_url"]
    play.advance(31 * 60)
    request = urllib.request.Request(url, data=b'{"text": "late"}', headers={"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    assert b"expired_url" in refused.value.read()


def test_events_come_at_once_and_three_times_more(play: Playing, http: HttpApp) -> None:
    http.status = 500
    mentioned(play)
    wait_until(lambda: len(events(http)) == 4, 20, "all attempts")
    assert [(one.retry, one.reason) for one in events(http)] == [(0, ""), (1, "http_error"), (2, "http_error"), (3, "http_error")]


def test_no_retry_ends_them(play: Playing, http: HttpApp) -> None:
    http.status, http.no_retry = 500, True
    mentioned(play)
    wait_until(lambda: events(http), 10, "the event")
    mentioned(play)
    wait_until(lambda: len({one.payload["event_id"] for one in events(http)}) == 2, 10, "a later event")
    assert [one.retry for one in events(http)] == [0, 0]
