"""What Prometheus and the log are told of a story, and what they are never told."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import redis as redis_sync
from prometheus_client import Counter, Gauge, Histogram, Metric
from prometheus_client.parser import text_string_to_metric_families

from bot import metrics
from bot.app.observed import STATES, state_of
from bot.operations.journal import Journal
from tests.app.conftest import Operated
from tests.playing import ALICE, BOB, CAROL, GINA, GPU, ROOT, wait_until

SECRETIVE = "zanzibar"  # a name that only a person typed
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_. -]{0,39}")


@pytest.fixture(scope="module")
def told(operated: Operated) -> Operated:
    """After a cluster, a pool's refusal, a mistake, and a question about nodes."""
    play = operated.play
    play.command(f"cluster create {SECRETIVE} --size Standard_NC4as_T4_v3 --for 8h")
    card = play.card(f"cluster {SECRETIVE}(.|\n)*Waiting for approval")
    with redis_sync.Redis.from_url(play.ready["redis"]) as store:
        store.zadd(Journal.key("due"), {"nobody": 0})  # due, and done by no worker: there is no such operation
        wait_until(lambda: operated.metric("clock", 'quartermaster_operations{state="waiting_approval"}') == 1, 30, "the stock to be taken again")
        assert operated.metric("clock", 'quartermaster_queue_depth{queue="operations"}') >= 1
        store.zrem(Journal.key("due"), "nobody")
    play.click(card, "approve", BOB)
    play.card(f"cluster {SECRETIVE}(.|\n)*Done", seconds=90)
    play.command("cluster list", GINA)  # a guest: told so where she typed
    play.command("nodes nosuchcluster")
    play.command(f"nodes {SECRETIVE}")
    play.card("GPU", seconds=30)
    return operated


def families(operated: Operated) -> Iterator[tuple[str, Metric]]:
    """Our own metrics, by process."""
    for name in operated.ports:
        for family in text_string_to_metric_families(operated.get(name, "/metrics")[1]):
            if family.name.startswith("quartermaster_"):
                yield name, family


def test_a_story_is_counted(told: Operated) -> None:
    assert told.metric("web", "quartermaster_ack_seconds_count") >= 3  # by socket
    assert told.metric("web", "quartermaster_socket_connected") == 1
    assert told.metric("web", 'quartermaster_operations_begun_total{kind="cluster.create"}') == 1
    wait_until(lambda: told.metric("worker", 'quartermaster_operations_ended_total{kind="cluster.create",status="succeeded"}') == 1, 10)
    assert told.metric("worker", 'quartermaster_step_seconds_count{kind="cluster.create"') >= 4
    for outcome in ("done", "wait"):
        assert told.metric("worker", f'quartermaster_step_run_seconds_count{{outcome="{outcome}"}}') >= 1
    asked = [("slack", "chat.postMessage"), ("slack", "upload"), ("slack", "response_url"), ("arm", "PUT"), ("arm", "GET"), ("kubernetes", "GET")]
    for service, call in asked:
        assert told.metric("worker", rf'quartermaster_requests_total{{call="{call}",result="ok",service="{service}"}}') >= 1
        assert told.metric("worker", rf'quartermaster_request_seconds_count{{service="{service}"}}') >= 1
    assert 0 < told.metric("worker", 'quartermaster_arm_requests_left{limit="subscription-reads"}') <= 250
    assert 0 < told.metric("worker", "quartermaster_observer_reads_left") <= 10
    for queue in ("operations", "messages", "audit"):
        wait_until(lambda queue=queue: f'queue_depth{{queue="{queue}"}} 0.0' in told.get("clock", "/metrics")[1], 30, queue)  # type: ignore[misc]


def test_faults_of_a_service_are_counted_by_what_they_were(told: Operated) -> None:
    def count(what: tuple[str, str, str]) -> float:
        service, call, result = what
        return told.metric("worker", rf'quartermaster_requests_total{{call="{call}",result="{result}",service="{service}"}}')

    arm = [("arm", "GET", result) for result in ("throttled", "failed", "no_answer")]
    slack = [("slack", "users.info", result) for result in ("throttled", "failed")]
    before = {what: count(what) for what in (*arm, *slack, ("kubernetes", "GET", "refused"), ("kubernetes", "GET", "failed"))}
    told.play.fault("azure", "status", "GET .*managedClusters", status=429, retry_after=1)
    told.play.fault("azure", "status", "GET .*managedClusters", status=503)
    told.play.fault("azure", "reset_before", "GET .*managedClusters", times=2)  # aiohttp repeats once by itself
    told.play.fault("slack", "status", "users.info", status=429, retry_after=1)
    told.play.fault("slack", "status", "users.info", status=503)
    told.play.fault("kubernetes", "status", "GET .*nodes", status=404)
    told.play.fault("kubernetes", "status", "GET .*nodes", status=503)
    told.play.command("cluster list")
    told.play.command(f"nodes {SECRETIVE}")
    told.play.command(f"nodes {SECRETIVE}")
    told.play.command("sizes", CAROL)  # whom nobody has looked up yet
    for what, seen in before.items():
        wait_until(lambda what=what, seen=seen: count(what) == seen + 1, 60, f"{what}")  # type: ignore[misc]
    assert told.metric("worker", 'quartermaster_step_run_seconds_count{outcome="temporary"}') >= 1


def test_no_label_holds_what_a_person_typed_or_grows_without_bound(told: Operated) -> None:
    seen = list(families(told))
    values = {(family.name, name, value) for _, family in seen for sample in family.samples for name, value in sample.labels.items() if name != "le"}
    assert len(values) > 20
    odd = [row for row in values if not WORD.fullmatch(row[2]) or SECRETIVE in row[2] or "nosuch" in row[2] or row[2] in (ALICE, BOB, GPU)]
    assert odd == []
    assert {value for _, name, value in values if name == "result"} <= set(metrics.RESULTS)
    assert {value for _, name, value in values if name == "state"} == set(STATES)
    assert sum(len(family.samples) for _, family in seen) < 1500


def test_an_unknown_state_is_counted_as_other() -> None:
    assert [state_of("running", "azure:g/c"), state_of("running", ""), state_of("waiting_approval", ""), state_of("of tomorrow", "x")] == [
        "waiting_azure", "running", "waiting_approval", "other",
    ]  # fmt: skip


def test_every_metric_is_in_the_operators_table_and_the_reverse() -> None:
    table = set(re.findall(r"^\| `(quartermaster_\w+)`", (ROOT / "docs" / "operating.md").read_text(), re.MULTILINE))
    ours = [one for one in vars(metrics).values() if isinstance(one, Counter | Gauge | Histogram)]
    exposed = {family.name + ("_total" if family.type == "counter" else "") for one in ours for family in one.describe()}
    assert table == exposed


def test_the_log_carries_the_operation_and_the_request_ids_of_each_service(told: Operated) -> None:
    lines = told.lines("worker")
    begun = next(line for line in lines if line.get("service") == "arm" and line["call"] == "PUT" and SECRETIVE in line["path"])
    operation = begun["operation"]
    mine = [line for line in lines if line.get("operation") == operation]
    assert {line["service"] for line in mine if line.get("request_id")} == {"slack", "arm", "kubernetes"}
    assert all("?" not in str(line.get("path")) for line in lines)
    assert {"at", "level", "logger", "message"} <= set(mine[0])
