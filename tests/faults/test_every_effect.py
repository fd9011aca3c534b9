"""Each fault that the playground knows, on somebody's operation: others go on, acks come, and its thread is not filled with it.

All that strikes by name is begun at once, on one playground; what strikes a whole workspace is tried when its turn comes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from playground import effects
from tests.playing import ALICE, BOB, GPU, Playing, playing, shown, wait_until

ML = "C0ML"
SIZE = "Standard_NC4as_T4_v3"
ACK_MS = 3000.0
MANY = 1000  # as good as for ever, and what is left of it tells how often it struck
AGAIN = 15  # within which seconds a socket that Slack broke is there again
ASKED: Final = {  # what somebody asks for, by what the fault is about
    "cluster": "cluster create {name} --for 1h",
    "gpus": f"cluster create {{name}} --size {SIZE} --for 8h",
    "pool": f"pool add sick/{{name}} --size {SIZE} --for 8h",
    "spot": f"pool add sick/{{name}} --size {SIZE} --spot --for 8h",
    "job": "run busybox:{name} --on sick --name {name} -- sleep 400",
    "smi": "run nvidia-smi --on sick --name {name}",
}


@dataclass(frozen=True)
class Case:
    """Whose operation it strikes, the pattern (``{name}`` is the operation's), how often at least and at most, and the effect's options."""

    what: str
    match: str
    least: int = 1
    most: int = MANY
    options: dict[str, Any] = field(default_factory=dict)
    also: str = ""


AZURE, CREATES = "/managedClusters/{name}\\b", "^PUT .*/managedClusters/{name}[?]"
POD, NODE = "/{name}-", "/aks-{name}-"
SLASH, EVENT, POST = "DELIVER slash_commands", "DELIVER events_api", "POST chat.postMessage"
CASES: Final[dict[tuple[str, str], Case]] = {
    ("azure", "delay"): Case("cluster", AZURE, 2, options={"seconds": 1}),
    ("azure", "late"): Case("cluster", AZURE, 2, options={"seconds": 1}),
    ("azure", "hang"): Case("cluster", AZURE, 2, options={"seconds": 2}),
    ("azure", "status"): Case("cluster", AZURE, 2, options={"status": 503}),
    ("azure", "reset_before"): Case("cluster", AZURE, 2),
    ("azure", "reset_after"): Case("cluster", AZURE, 2),
    ("azure", "truncate"): Case("cluster", AZURE, 2),
    ("slack", "error"): Case("cluster", POST, 2, 2, {"error": "internal_error"}),
    ("slack", "ratelimited"): Case("cluster", POST, 2, 2, {"retry_after": 1}),
    ("slack", "block_not_rolled_out"): Case("cluster", "", 1, 4, {"type": "plan"}),
    ("slack", "lost"): Case("cluster", SLASH, most=1),
    ("slack", "deliver_twice"): Case("cluster", SLASH, most=1),
    ("slack", "redeliver"): Case("mention", EVENT, most=1),
    ("slack", "socket_disconnect"): Case("cluster", SLASH, most=1, options={"reason": "refresh_requested"}),
    ("slack", "socket_close"): Case("cluster", SLASH, most=1),
    ("slack", "socket_reset"): Case("cluster", SLASH, most=1),
    ("slack", "socket_silent"): Case("cluster", SLASH, most=1),
    ("azure", "sync_error"): Case("cluster", CREATES, 2, options={"code": "TooManyRequestsReceived", "status": 429, "retry_after": 1}),
    ("azure", "throttled"): Case("cluster", CREATES, 2, options={"retry_after": 1}),
    ("azure", "lro_failed"): Case("cluster", CREATES, options={"code": "AKSCapacityHeavyUsage"}),
    ("azure", "lro_canceled"): Case("cluster", CREATES),
    ("azure", "no_capacity"): Case("cluster", CREATES),
    ("azure", "quota_gone"): Case("cluster", CREATES, options={"form": "lro"}),
    ("azure", "operation_expired"): Case("cluster", "/operations/", also="lro_failed"),
    ("azure", "other_profile"): Case("pool", "/agentPools/{name}[?]", options={"driver": "None"}),
    ("kubernetes", "watch_drop"): Case("job", "/clusters/quartermaster-sick--sick/.*/jobs[?].*watch=", 2),
    ("kubernetes", "watch_410"): Case("job", "/clusters/quartermaster-sick--sick/.*/pods[?].*watch=", 2),
    ("kubernetes", "half_open"): Case("job", "/clusters/quartermaster-sick--sick/.*/nodes[?].*watch="),
    ("kubernetes", "cut_log"): Case("job", "/{name}-[^/]*/log", 0),  # the bot follows no log, it reads the end again
    ("kubernetes", "forbidden"): Case("job", "GET .*/jobs/{name}"),
    ("kubernetes", "image_pull"): Case("job", ":{name}$"),
    ("kubernetes", "oom"): Case("job", POD),
    ("kubernetes", "crash"): Case("job", POD),
    ("kubernetes", "evict"): Case("job", POD),
    ("kubernetes", "stuck_creating"): Case("job", POD),
    ("kubernetes", "admission_error"): Case("job", POD),
    ("kubernetes", "plugin_blocked"): Case("gpus", "quartermaster-{name}--{name}/"),
    ("kubernetes", "gpu_missing"): Case("pool", NODE),
    ("kubernetes", "driver_mismatch"): Case("pool", NODE),
    ("kubernetes", "node_condition"): Case("pool", NODE, options={"condition": "XIDErrors"}),
    ("kubernetes", "start_error"): Case("job", POD),
    ("kubernetes", "gpu_unseen"): Case("smi", POD),
    ("kubernetes", "node_not_ready"): Case("pool", NODE),
    ("kubernetes", "node_stuck"): Case("pool", NODE),
    ("kubernetes", "spot_evicted"): Case("spot", NODE),
}
KNOWN: Final = sorted(  # those of a whole workspace at the end
    (("azure" if service == effects.EVERY else service, effect) for service, known in effects.EFFECTS.items() for effect in known),
    key=lambda one: one[0] == "slack",
)


def named(service: str, effect: str) -> str:
    """The operation that the effect strikes, by a name that Azure and Kubernetes take for a pool, a cluster, a job and a tag."""
    return "x" + effect.replace("_", "")[:11]


class Field:
    """A playground with a cluster that is well, one that is sick, and an operation for each effect that strikes by name."""

    def __init__(self, play: Playing) -> None:
        self.play = play
        self.cards: dict[str, dict[str, Any]] = {}
        for name, region in (("well", "westeurope"), ("sick", "eastus")):
            play.command(f"cluster create {name} --size {SIZE} --region {region} --nodes {4 if name == 'sick' else 1} --for 1d")
        for name in ("well", "sick"):
            play.click(play.card(f"cluster {name} (.|\n)*Waiting for approval"), "approve", BOB)
        for name in ("well", "sick"):
            play.card(f"cluster {name} (.|\n)*Done", seconds=90)
        self.healthy = {self.key(text) for text in self.thread(play.card("cluster well "))}
        # Until nobody waits for it any more: a watch that is open now would be struck by nothing, and it is open for minutes.
        wait_until(lambda: not self.watched("sick"), 60, "the watches of sick to end")
        for (service, effect), case in CASES.items():
            if service != "slack":
                self.strike(service, effect, case)
                self.begin(service, effect, case)
        for what, name in ((case.what, named(*case_id)) for case_id, case in CASES.items()):
            if what in ("gpus", "pool"):
                card = play.card(f"(cluster |sick/){name}\\b(.|\n)*Waiting for approval")
                assert play.click(card, "approve", BOB).get("ok")

    def watched(self, cluster: str) -> bool:
        """Whether a watch is open there."""
        rows = [row for row in self.play.requests("kubernetes") if "watch=" in row["path"] and f"--{cluster}/" in row["path"]]
        return any(not row["handled"] for row in rows)

    def strike(self, service: str, effect: str, case: Case) -> None:
        """Register the fault."""
        name = named(service, effect)
        if case.also:
            self.play.fault(service, case.also, CREATES.format(name=name), times=MANY)
        self.play.fault(service, effect, case.match.replace("{name}", name), times=case.most, **case.options)

    def begin(self, service: str, effect: str, case: Case) -> None:
        """Ask for what will be struck; again where the ack says that it was not taken, as people do."""
        text = ASKED[case.what].format(name=named(service, effect))
        wait_until(lambda: "On it" in self.play.command(text), AGAIN, f"{text} to be acked")

    def struck(self, service: str, effect: str, case: Case) -> bool:
        """Whether the fault did harm often enough."""
        match = case.match.replace("{name}", named(service, effect))
        left = [one["times"] for one in self.play.call("GET", "/faults")["faults"] if (one["effect"], one["match"]) == (effect, match)]
        return case.most - (left[0] if left else 0) >= case.least

    def card(self, name: str) -> dict[str, Any]:
        """The card of the operation."""
        return self.play.card(f"(cluster |sick/|\\b){name}\\b")

    def thread(self, card: dict[str, Any]) -> list[str]:
        """What the bot said in the thread."""
        replies = next(row for row in self.play.messages(GPU) if row["ts"] == card["ts"])["replies"]
        return [shown(one) for one in replies if one.get("bot")]

    @staticmethod
    def key(text: str, words: int = 1) -> str:
        """How a message begins, without numbers: those differ from one try to the next."""
        return " ".join(re.sub(r"[\d.]+", "", text).split()[:words])

    def said_about_it(self, name: str) -> list[str]:
        """What its thread says that a thread in which all is well does not; that others hold the GPUs for a while is nothing that struck it."""
        return [text for text in self.thread(self.card(name)) if self.key(text) not in self.healthy and "has to wait" not in text]

    def said_again(self, name: str) -> list[str]:
        """What its thread says more than once."""
        counts = Counter(self.key(text, 3) for text in self.thread(self.card(name)))
        return [key for key, count in counts.items() if count > 1]

    def another_ends(self) -> None:
        """Somebody else asks about the cluster that is well, and is answered."""
        before = len(self.play.messages(ML))
        assert "On it" in self.play.command("nodes well", channel=ML)
        wait_until(lambda: len(self.play.messages(ML)) > before and "well" in shown(self.play.messages(ML)[-1]), 30, "an answer about the other")

    def late_acks(self) -> list[dict[str, Any]]:
        """Commands that were not acked in time."""
        answers = [self.play.call("POST", "/commands", {"user": ALICE, "channel": ML, "text": "digest show"}) for _ in range(2)]
        return [one for one in answers if one.get("error") or one["ack"]["ms"] > ACK_MS]


@pytest.fixture(scope="module")
def plain() -> Iterator[Field]:
    with playing("--slack-rate", "40", speed=200) as play:
        yield Field(play)


def test_each_effect_has_a_case() -> None:
    assert set(CASES) == set(KNOWN)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("service", "effect"), KNOWN, ids=map("-".join, KNOWN))
def test_one_suffers_and_others_do_not(plain: Field, service: str, effect: str) -> None:
    case, name = CASES[service, effect], named(service, effect)
    if service == "slack":
        plain.play.call("DELETE", "/faults")
        plain.strike(service, effect, case)
        if case.what == "mention":
            plain.play.mention(plain.card("well")["ts"], "status")
            name = "well"
        else:
            plain.begin(service, effect, case)
    wait_until(lambda: plain.struck(service, effect, case), 60, f"{effect} to strike")
    plain.another_ends()
    assert plain.late_acks() == []
    assert plain.said_again(name) == []
    assert len(plain.said_about_it(name)) <= 1


@pytest.mark.timeout(180)
def test_what_a_disturbed_slack_was_asked_for_is_made_once(plain: Field) -> None:
    plain.play.call("DELETE", "/faults")
    for (service, effect), case in CASES.items():
        if service == "slack" and case.what == "cluster":
            name = named(service, effect)
            plain.play.card(f"cluster {name}(.|\n)*Done", seconds=60)
            assert len(plain.play.writes("azure", f"^PUT.*/managedClusters/{name}[?]")) == 1
            assert plain.said_again(name) == []
            assert plain.said_about_it(name) == []
