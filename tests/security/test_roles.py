"""Commands × people × effect: who may not, changes nothing - whatever the command."""

from __future__ import annotations

import json
from itertools import product

import pytest
import redis as redis_sync

from bot.approvals.gate import INTERNAL_ROLES, Gate
from bot.clock import Clock
from bot.commands import Request, parse, parse_mention
from bot.commands.definitions import BY_KIND
from bot.commands.mention import VERBS
from bot.commands.model import Command
from bot.slack.people import Profile
from tests.playing import ALICE, BOB, CAROL, GINA, GPU, ROOT, XAVI, Playing, shown, wait_until

TEAM = "T0PLAYGROUND"
PEOPLE = {
    "requester": Profile(ALICE, TEAM, "alice", False, False, False),
    "approver": Profile(BOB, TEAM, "bob", False, False, False, groups=("S0PLATFORM",)),
    "admin": Profile(CAROL, TEAM, "carol", False, False, False, groups=("S0PLATFORM",)),
    "guest": Profile(GINA, TEAM, "gina", True, False, False),
    "outsider": Profile(XAVI, "T0PARTNER", "xavi", False, True, False),
    "app": Profile("U0APP", TEAM, "app", False, False, True),
}
HOLDS = {"requester": {"requester"}, "approver": {"requester", "operator", "approver"}, "admin": {"requester", "operator", "approver", "admin"}}
ROLE = {  # by hand, so that a command does not open its own door: whoever adds or opens one has to say so here, too
    **dict.fromkeys((
        "job.run", "job.again", "job.cancel", "job.clean", "query.jobs", "query.job", "query.logs", "query.nodes", "query.status", "gpu.check",
        "cluster.create", "cluster.stop", "cluster.start", "cluster.extend", "cluster.delete", "query.clusters", "query.cluster",
        "pool.add", "pool.scale", "pool.stop", "pool.start", "pool.extend", "pool.delete", "pool.abort", "query.pools", "query.pool",
        "plugin.install", "plugin.upgrade", "plugin.remove", "query.plugin", "query.feature",
        "query.sizes", "query.price", "query.quota", "query.budget", "digest.now", "digest.set", "digest.off", "query.digest",
    ), "requester"),
    **dict.fromkeys(("cluster.adopt", "feature.register", "query.audit"), "operator"),
}  # fmt: skip
BESIDE = {  # what no command stands for: a mention in a thread, a button, the Home tab, what the bot begins for somebody
    **dict.fromkeys(("thread.status", "thread.job", "thread.logs", "thread.curve", "thread.cancel", "thread.extend"), "requester"),
    **dict.fromkeys(("home", "reply", "lease"), "requester"), **dict.fromkeys(("orphan.takeover", "provider.register"), "operator"),
}  # fmt: skip
COMMANDS = {kind: command for kind, command in BY_KIND.items() if kind not in ("menu", "help")}


def typed(command: Command) -> list[str]:
    """Its examples, as they are typed."""
    return [one if one.startswith(command.name) else f"{command.name} {one}" for one in command.examples]


OTHERS = "^(?!.*(doors|vault))"  # of which no example speaks, and which other tests may still be making
EXAMPLES = [text for command in COMMANDS.values() for text in typed(command)]


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate.open(ROOT / "playground" / "policy.toml", Clock())


def test_each_command_has_its_role_in_the_table_and_an_example_that_is_tried() -> None:
    assert {kind: command.role.value for kind, command in COMMANDS.items()} == ROLE
    verbs = [parse_mention(verb) for verb in VERBS if verb != "help"]
    assert {one.kind for one in verbs if isinstance(one, Request)} | set(INTERNAL_ROLES) == set(BESIDE) | {"job.again", "job.clean"}
    parsed = {kind: [parse(text, templates=("mnist",)) for text in typed(command)] for kind, command in COMMANDS.items()}
    assert {kind: {getattr(one, "kind", "not a command") for one in found} for kind, found in parsed.items()} == {kind: {kind} for kind in ROLE}


@pytest.mark.parametrize(("kind", "who"), list(product([*ROLE, *BESIDE], PEOPLE)))
def test_each_command_is_for_those_who_hold_its_role_and_nobody_else(gate: Gate, kind: str, who: str) -> None:
    allowed = (ROLE | BESIDE)[kind] in HOLDS.get(who, set())
    assert (gate.refusal(kind, PEOPLE[who], GPU) == "") is allowed


@pytest.mark.parametrize("kind", [*ROLE, *BESIDE])
def test_no_command_is_taken_where_the_policy_does_not_allow_the_channel(gate: Gate, kind: str) -> None:
    assert gate.refusal(kind, PEOPLE["admin"], "C0ELSEWHERE")


@pytest.mark.parametrize(("owner", "who"), list(product(("theirs", "another's", "nobody's"), ("requester", "approver", "admin"))))
def test_what_is_another_s_is_for_its_owner_and_for_operators(gate: Gate, owner: str, who: str) -> None:
    profile = PEOPLE[who]
    owners = {"theirs": [profile.id], "another's": ["U0SOMEBODY"], "nobody's": []}[owner]
    refusal = gate.owner_refusal("lab/gpu", owners, profile, profile.id)
    assert (refusal is None) is (owner == "theirs" or who != "requester")
    if refusal is not None:
        assert ("U0SOMEBODY" in str(refusal)) is (owner == "another's")
        assert "S0PLATFORM" in str(refusal)


OWNED = {
    "cluster delete theirs": "theirs", "cluster stop theirs": "theirs", "pool delete theirs/gpu": "theirs/gpu", "pool stop theirs/gpu": "theirs/gpu",
    "pool abort theirs/gpu": "theirs/gpu", "pool scale theirs/gpu --nodes 2": "theirs/gpu", "plugin remove theirs": "theirs",
}  # fmt: skip


def test_no_member_stops_changes_or_deletes_what_is_another_s(play: Playing) -> None:
    wait_until(lambda: "On it" in play.command("cluster create theirs --size Standard_NC4as_T4_v3 --for 8h", BOB), 20)
    play.click(play.card("cluster theirs(.|\n)*Waiting for approval"), "approve", CAROL)
    play.card("cluster theirs(.|\n)*Done", seconds=90)
    before = play.writes("azure", "theirs")
    for count, (text, name) in enumerate(OWNED.items(), 1):
        play.command(text, ALICE)

        def refused(name: str = name) -> list[str]:
            return [one for one in play.whispers(ALICE) if f"`{name}` belongs to <@{BOB}>" in one and "S0PLATFORM" in one]

        wait_until(lambda text=text, count=count: sum(len(refused(one)) for one in set(OWNED.values())) >= count, 30, text)  # type: ignore[misc]
    assert play.writes("azure", "theirs") == before


def test_strangers_try_every_command_and_nothing_at_all_is_changed(play: Playing) -> None:
    wait_until(lambda: "On it" in play.command("cluster list"), 20)
    before = {service: play.writes(service, OTHERS) for service in ("azure", "kubernetes")}
    assert play.call("POST", "/invite", {"user": XAVI, "channel": GPU})["ok"]
    for who, text in product((GINA, XAVI), EXAMPLES):
        play.command(text, who)
    play.command("status", ALICE)
    play.card("Going on|Nothing is going on|status", seconds=30)
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)

    def theirs() -> set[str]:
        records = [store.hgetall(key) for key in store.scan_iter("{qm}:op:*")]
        rows = [record for record in records if isinstance(record, dict) and record.get("user") in (GINA, XAVI)]
        return {str((row.get("kind"), row.get("status"), row.get("step"), row.get("error"))) for row in rows if row.get("status") != "refused"}

    wait_until(lambda: not theirs(), 30, "all of theirs to be refused")
    assert {service: play.writes(service, OTHERS) for service in before} == before
    speakers = [str((one["metadata"] or {}).get("event_payload", {}).get("op")) for one in play.messages()]
    assert not {str(store.hget("{qm}:op:" + op, "user")) for op in speakers} & {GINA, XAVI}


def test_a_click_counts_only_on_its_own_card_and_for_those_who_may(play: Playing) -> None:
    play.command("cluster create clicked --size Standard_NC4as_T4_v3 --for 8h", ALICE)
    card = play.card("cluster clicked(.|\n)*Waiting for approval")
    play.command("cluster create other --size Standard_NC4as_T4_v3 --for 8h", BOB)
    other = play.card("cluster other(.|\n)*Waiting for approval")
    values = {message["ts"]: approve_value(message) for message in (card, other)}
    for who in (ALICE, GINA, XAVI):  # her own request; a guest; another company
        play.click(card, "approve", who)
    # Bob's own request may not be approved by Bob, not even with a value lifted from Alice's card or a digest of his own making.
    for value in (values[other["ts"]], values[other["ts"]].split(":")[0] + ":00000000", "", ":", "../../x", "x" * 1900):
        play.call("POST", "/actions", {"user": BOB, "channel": GPU, "ts": other["ts"], "action_id": "approve", "value": value})
    play.mention(card["ts"], "status")
    play.reply(card["ts"], "waiting|Waiting")
    assert not play.writes("azure", "^PUT.*(clicked|other)")
    for message in (card, other):
        assert "Waiting for approval" in shown(next(one for one in play.messages() if one["ts"] == message["ts"]))


def test_button_values_are_opaque(play: Playing) -> None:
    texts = [element["value"] for one in play.messages() for message in (one, *one["replies"]) for element in buttons(message) if "value" in element]
    assert texts
    for value in texts:
        assert len(value) <= 64
        assert not any(word in value for word in ("clicked", "other", "Standard_", "U0", "demo", "$", "/", "{", " "))


def approve_value(message: dict[str, object]) -> str:
    return next(str(element["value"]) for element in buttons(message) if str(element["action_id"]).startswith("approve"))


def buttons(message: dict[str, object]) -> list[dict[str, str]]:
    """Every button of a message."""
    found: list[dict[str, str]] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if node.get("type") == "button":
                found.append(node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(json.loads(json.dumps(message.get("blocks") or [])))
    return found
