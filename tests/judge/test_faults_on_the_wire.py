"""Faults of the HTTP layer strike every service alike: latency, hanging, broken connections before and after the deed, statuses, half a body."""

from __future__ import annotations

from typing import Any

import pytest

from tests.judge.clients import with_cluster
from tests.judge.conftest import QUICK
from tests.judge.probes import SERVICES, Answer, Probe, probe_of
from tests.playing import Playing, playing, wait_until

WRITING = [service for service in SERVICES if service not in ("identity", "prices")]


@pytest.fixture(scope="module", autouse=True)
def _cluster(play: Playing) -> None:
    with_cluster(play)


@pytest.fixture
def probe(play: Playing, request: pytest.FixtureRequest) -> Probe:
    return probe_of(play, request.param)


each = pytest.mark.parametrize("probe", SERVICES, indirect=True)
each_written = pytest.mark.parametrize("probe", WRITING, indirect=True)


@each_written
def test_delay_comes_before_the_deed(play: Playing, probe: Probe) -> None:
    play.fault(probe.service, "delay", seconds=1)
    thread, answers = probe.begun("delayed")
    wait_until(lambda: not play.call("GET", "/faults")["faults"], 5, "the fault strikes")
    assert not probe.there("delayed")
    thread.join(10)
    assert (answers[0].status in (200, 201), answers[0].seconds >= 1, probe.there("delayed")) == (True, True, True)


@each_written
def test_late_comes_after_the_deed(play: Playing, probe: Probe) -> None:
    play.fault(probe.service, "late", "POST|PUT", seconds=1)
    thread, answers = probe.begun("late")
    wait_until(lambda: probe.there("late"), 0.9, "done at once")
    assert not answers
    thread.join(10)
    assert (answers[0].status in (200, 201), answers[0].seconds >= 1) == (True, True)


@each_written
def test_hang_does_nothing_and_breaks_off_in_the_end(play: Playing, probe: Probe) -> None:
    play.fault(probe.service, "hang", "POST|PUT", seconds=0.5)
    answer = probe.write("hung")
    assert (answer.status, answer.seconds >= 0.5, probe.there("hung")) == (0, True, False)


@each_written
def test_reset_before_leaves_nothing_done(play: Playing, probe: Probe) -> None:
    play.fault(probe.service, "reset_before", "POST|PUT")
    assert (probe.write("before").status, probe.there("before")) == (0, False)


@each_written
def test_reset_after_leaves_it_done_unknown_to_the_caller(play: Playing, probe: Probe) -> None:
    play.fault(probe.service, "reset_after", "POST|PUT")
    assert (probe.write("after").status, probe.there("after")) == (0, True)


@each
@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("retry_after", [None, 7])
def test_status_is_answered_with_and_without_retry_after(play: Playing, probe: Probe, status: int, retry_after: int | None) -> None:
    options: dict[str, Any] = {} if retry_after is None else {"retry_after": retry_after}
    play.fault(probe.service, "status", status=status, body={"error": {"code": "Odd"}}, **options)
    answer = probe.read()
    assert (answer.status, answer.body, answer.headers.get("retry-after")) == (status, {"error": {"code": "Odd"}}, retry_after and str(retry_after))
    assert probe.read().status == 200


@each
def test_truncate_ends_the_body_in_the_middle(play: Playing, probe: Probe) -> None:
    play.fault(probe.service, "truncate")
    answer = probe.read()
    assert (answer.status, answer.error) == (0, "IncompleteRead")


@each
def test_faults_are_counted_and_the_endless_ones_cleared(play: Playing, probe: Probe) -> None:
    play.fault(probe.service, "status", times=2, status=500)
    assert [probe.read().status for _ in range(3)] == [500, 500, 200]
    play.fault(probe.service, "status", times=-1, status=503)
    assert [probe.read().status for _ in range(4)] == [503] * 4
    play.call("DELETE", "/faults")
    assert probe.read().status == 200


@each
def test_a_fault_strikes_only_what_it_names(play: Playing, probe: Probe) -> None:
    play.fault(probe.service, "status", "/no/such/path", times=-1, status=500)
    others = [service for service in SERVICES if service != probe.service]
    play.fault(others[0], "status", times=-1, status=500)
    assert probe.read().status == 200


def test_faults_of_all_services_are_in_force_at_once(play: Playing) -> None:
    probes = [probe_of(play, service) for service in SERVICES]
    for number, service in enumerate(SERVICES):
        play.fault(service, "status", status=500 + number)
    assert [probe.read().status for probe in probes] == [500, 501, 502, 503, 504]


def test_a_slow_answer_may_be_a_refusal_as_well(play: Playing) -> None:
    refusals: dict[str, tuple[str, dict[str, Any]]] = {
        "slack": ("error", {"error": "fatal_error"}),
        "azure": ("sync_error", {"code": "Odd"}),
        "kubernetes": ("forbidden", {}),
    }
    for service, (effect, options) in refusals.items():
        play.fault(service, effect, **options)
        play.fault(service, "delay", seconds=0.3)
        answer = probe_of(play, service).read()
        assert answer.seconds >= 0.3
        assert any(word in str(answer.body) for word in ("fatal_error", "Odd", "Forbidden")), answer.body


def test_two_faults_of_the_http_layer_strike_one_request(play: Playing) -> None:
    play.fault("prices", "delay", seconds=0.3)
    play.fault("prices", "status", status=503)
    answer = probe_of(play, "prices").read()
    assert (answer.status, answer.seconds >= 0.3) == (503, True)


def test_a_throttled_answer_may_be_truncated_as_well(play: Playing) -> None:
    play.fault("azure", "throttled", retry_after=7)
    play.fault("azure", "truncate")
    play.fault("azure", "late", seconds=0.3)
    answer = probe_of(play, "azure").read()
    assert (answer.status, answer.error, answer.seconds >= 0.3) == (0, "IncompleteRead", True)
    assert play.call("GET", "/faults")["faults"] == []


def test_a_request_that_is_cut_off_at_once_uses_up_nothing_else(play: Playing) -> None:
    for effect in ("reset_before", "truncate"):
        play.fault("prices", effect)
    probe = probe_of(play, "prices")
    assert [probe.read().error for _ in range(3)] == ["RemoteDisconnected", "IncompleteRead", ""]


def script(play: Playing) -> list[Answer]:
    """A sequence of faults that overlap, and what some reads meet."""
    play.fault("azure", "status", times=1, status=500)
    play.fault("azure", "status", "resourceGroups", times=2, status=503)
    play.fault("azure", "reset_before", times=1)
    probe = probe_of(play, "azure")
    met = [probe.read() for _ in range(5)]
    play.fault("azure", "status", "resourceGroups", times=-1, status=502, chance=0.5)
    return [*met, *(probe.read() for _ in range(16))]


def statuses(play: Playing) -> list[int]:
    return [answer.status for answer in script(play)]


def ids(play: Playing) -> tuple[str, ...]:
    """What is left to chance elsewhere: ids of Azure and Slack, and a name that Kubernetes generates."""
    play.call("DELETE", "/faults")
    opened = probe_of(play, "azure").call("GET", "/resourceGroups/nothing?api-version=2026-08-01").headers["x-ms-request-id"]
    post = probe_of(play, "slack").call("POST", "/chat.postMessage", {"channel": "C0GPU", "blocks": [{"type": "divider"}]})
    with_cluster(play)
    made = probe_of(play, "kubernetes").call("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"generateName": "x-"}}).body
    return opened, post.body["message"]["blocks"][0]["block_id"], made["metadata"]["name"]


def test_first_registered_strikes_first_and_the_seed_decides_the_rest() -> None:
    def run(seed: str) -> tuple[list[int], tuple[str, ...]]:
        with playing("--no-bot", "--seed", seed, speed=QUICK) as fresh:
            return statuses(fresh), ids(fresh)

    met, named = run("1")
    assert met[:5] == [500, 503, 503, 0, 200]
    assert set(met[5:]) == {200, 502}
    assert run("1") == (met, named)
    found, others = run("7")
    assert (found[:5], found[5:] == met[5:], set(others) & set(named)) == (met[:5], False, set())


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"service": "azure", "effect": "lro_fialed"}, "lro_failed"),
        ({"service": "azur", "effect": "delay", "seconds": 1}, "azure"),
        ({"service": "slack", "effect": "lro_failed"}, "block_not_rolled_out"),
        ({"service": "azure", "effect": "lro_failed", "codee": "x"}, "code, message, details, after"),
        ({"service": "azure", "effect": "status"}, "status"),
        ({"service": "azure", "effect": "status", "status": "503"}, "status='503'"),
        ({"service": "azure", "effect": "quota_gone", "form": "later"}, "form='later'"),
        ({"service": "azure", "effect": "truncate", "times": 0}, "times"),
        ({"service": "azure", "effect": "truncate", "times": -2}, "times"),
        ({"service": "azure", "effect": "truncate", "chance": 0}, "chance"),
        ({"service": "azure", "effect": "truncate", "match": "("}, "unterminated"),
        ({"service": "azure"}, "effect"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_what_there_is(play: Playing, spec: dict[str, Any], said: str) -> None:
    answer = play.call("POST", "/faults", spec)
    assert (answer["ok"], said in answer["error"]) == (False, True), answer
    assert play.call("GET", "/faults")["faults"] == []
