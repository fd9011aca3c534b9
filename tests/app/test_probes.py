"""What an orchestrator asks of the three processes, and what it is told when something is wrong."""

from __future__ import annotations

import os
import signal

import pytest

from bot.app.probes import Watchful
from tests.app.conftest import Operated
from tests.playing import wait_until

ALL = ("web", "worker", "clock")


@pytest.mark.parametrize("name", ALL)
def test_a_running_process_is_alive_and_ready(operated: Operated, name: str) -> None:
    assert operated.get(name, "/healthz") == (200, "ok")
    found = operated.ready(name)
    assert (found["status"], found["ready"], found["why"], found["redis"]) == (200, True, [], True)


def test_the_clock_tells_how_long_ago_it_last_looked_what_is_due(operated: Operated) -> None:
    assert 0 <= operated.ready("clock")["tick_age_seconds"] < 120


def test_web_tells_how_old_its_socket_is_and_when_slack_was_last_heard(operated: Operated) -> None:
    wait_until(lambda: operated.ready("web")["socket"].get("heard_seconds_ago") is not None, 20, "a sign of life")
    found = operated.ready("web")["socket"]
    assert found["connected"] is True
    assert 0 <= found["age_seconds"] < 600
    assert 0 <= found["heard_seconds_ago"] < 60


def test_a_worker_tells_how_long_azure_was_not_observed_while_an_operation_waits(operated: Operated) -> None:
    assert operated.ready("worker")["observation_age_seconds"] is None
    operated.play.command("cluster create aged")
    wait_until(lambda: operated.play.writes("azure", "^PUT.*managedClusters/aged"), 30, "the cluster to be asked for")
    operated.play.fault("azure", "status", "GET .*managedClusters", times=-1, status=503)
    wait_until(lambda: (operated.ready("worker")["observation_age_seconds"] or 0) > 2, 30, "the observation to grow old")
    assert operated.metric("worker", "quartermaster_observation_age_seconds") > 2
    operated.play.call("DELETE", "/faults")
    operated.play.card("cluster aged(.|\n)*Done", seconds=90)
    wait_until(lambda: operated.ready("worker")["observation_age_seconds"] is None, 30, "nobody to wait any more")


def test_the_age_of_an_observation_counts_from_when_it_was_first_missed() -> None:
    now = [0.0]
    watchful = Watchful(lambda: now[0])
    ages = []
    looks = [(1, False, None), (1000, True, None), (1100, True, None), (1100, True, 1090), (1100, False, 1090), (5000, True, None)]
    for at, waited_for, newest in looks:
        now[0] = at
        ages.append(watchful.age(waited_for, newest))
    assert ages == [None, 0.0, 100.0, 10.0, None, 0.0]


def test_without_redis_every_process_lives_on_and_says_why_it_is_not_ready(operated: Operated) -> None:
    pid = operated.play.ready["pids"]["redis"]
    os.kill(pid, signal.SIGSTOP)
    try:
        for name in ALL:
            found = operated.ready(name)
            assert (found["status"], found["ready"]) == (503, False)
            assert "Redis does not answer" in found["why"]
            assert operated.get(name, "/healthz") == (200, "ok")
            assert operated.get(name, "/metrics")[0] == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    assert operated.metric("web", 'quartermaster_redis_errors_total{error="timeout"}') >= 1
    for name in ALL:
        wait_until(lambda name=name: operated.ready(name)["status"] == 200, 30, f"{name} to be ready again")  # type: ignore[misc]


def test_without_a_socket_web_is_not_ready(operated: Operated) -> None:
    operated.play.bots["web"].terminate()
    operated.play.bots["web"].wait(20)
    operated.play.fault("slack", "status", "apps.connections.open", times=-1, status=500)
    operated.start("web")
    wait_until(lambda: operated.ready("web").get("identity"), 20, "Slack to tell who the bot is")
    found = operated.ready("web")
    assert found["status"] == 503
    assert found["why"] == ["there is no Socket Mode connection"]
    assert "\nquartermaster_socket_connected 0.0\n" in operated.get("web", "/metrics")[1]
