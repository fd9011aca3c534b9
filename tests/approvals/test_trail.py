"""What gets into the audit log: everything that a record tells, each write before it is sent, and what is read of it later."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from bot.approvals.audit import Audit
from bot.approvals.auditcli import main
from bot.approvals.chain import GENESIS, Entry, seal_all
from bot.approvals.retelling import answer, people, plain
from bot.approvals.trail import OWED, Trail, entries_of, refusal
from bot.clock import Clock
from bot.operations.journal import Commit, Journal, NewOperation
from bot.operations.record import DECISION_PREFIX, Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Kind, Outcome, Step
from bot.settings import Settings
from tests.approvals.logs import NOW, entry, filled


def told(**changes: object) -> Operation:
    plan = {"title": "node pool demo/gpu", "digest": "d1", "hourly_max": "1.06", "total_max": "8.42", "expires": NOW + 8 * 3600, "approvals": 1,
            "target": {"cluster": "demo", "pool_name": "gpu"}}  # fmt: skip
    fields: dict[str, object] = {
        "id": "op1", "kind": "pool.add", "status": "succeeded", "step": "lease", "request": {"values": {"cluster": "demo"}}, "team": "T",
        "channel": "C0GPU", "user": "U0ALICE", "text": "pool add demo/gpu --size Standard_NC4as_T4_v3", "plan": plan, "created": NOW,
        "ended": NOW + 600,
        "decisions": ({"by": "U0BOB", "verdict": "approve", "at": NOW + 60, "digest": "d1", "reason": ""},),
        "memo": {"approved_by": ["U0BOB"], "began": {"plan": NOW + 1}, "outcome": "ready"},
    }  # fmt: skip
    return Operation(**{**fields, **changes})  # type: ignore[arg-type]


def test_the_whole_story_is_read_off_the_record_in_order_and_always_the_same() -> None:
    op = told()
    assert [one.event for one in entries_of(op)] == ["requested", "planned", "approved", "granted", "ended"]
    assert entries_of(op) == entries_of(told())
    assert {one.cluster for one in entries_of(op)} == {"demo"}
    earlier = told(ended=None, memo={"began": {"plan": NOW + 1}})
    assert entries_of(earlier) == entries_of(op)[:3], "what is added later never changes what was written"


def test_what_slack_draws_is_spelt_out_in_the_log() -> None:
    op = told(memo={"outcome": f"ready until <!date^{int(NOW)}^{{time}}|x>; ask <@U0BOB> or <!subteam^S0PLATFORM>"})
    assert entries_of(op)[-1].detail["outcome"] == "ready until 2026-11-18T11:06:40.000Z; ask U0BOB or S0PLATFORM"


def test_an_approval_that_did_not_count_is_not_told_as_one() -> None:
    op = told(decisions=(*told().decisions, {"by": "U0GINA", "verdict": "approve", "at": NOW + 30, "digest": "d1"}))
    assert [(one.event, one.detail.get("by")) for one in entries_of(op) if one.event == "void"] == [("void", "U0GINA")]


def test_a_plan_made_anew_voids_what_was_decided_before_and_both_rounds_are_told() -> None:
    first = told(ended=None)
    again = told(
        plan={**(first.plan or {}), "digest": "d2"},
        memo={**first.memo, "round": 1, "asked_at": NOW + 300, "approved_by": ["U0BOB"]},
        decisions=(*first.decisions, {"by": "U0BOB", "verdict": "approve", "at": NOW + 400, "digest": "d2"}),
    )
    names = {one.name for one in entries_of(first)} | {one.name for one in entries_of(again)}
    assert {name.removeprefix("op1/") for name in names} == {
        "requested", "planned/d1", "planned/d2", "decision/d1/U0BOB/approve", "decision/d2/U0BOB/approve", "granted/d1", "granted/d2",
        "void/d1/U0BOB/approve", "ended",
    }  # fmt: skip


def test_an_emergency_start_is_told_as_one_and_a_forbidden_one_as_void() -> None:
    glass = {"by": "U0CAROL", "verdict": "break-glass", "at": NOW + 70, "digest": "d1", "reason": "demo in an hour"}
    op = told(decisions=(*told().decisions, glass), memo={"approved_by": ["U0CAROL"], "broke_glass": True})
    assert [one.event for one in entries_of(op)][2:5] == ["approved", "broke_glass", "granted"]
    forbidden = told(decisions=(*told().decisions, glass))
    assert [one.event for one in entries_of(forbidden)][3:5] == ["broke_glass", "void"]
    assert "started *node pool demo/gpu* without approval: demo in an hour" in answer(seal_all(entries_of(op), GENESIS, 1))[1][3]


def test_denials_cancels_extensions_and_what_the_bot_does_by_itself() -> None:
    denied = told(decisions=({"by": "U0BOB", "verdict": "deny", "at": NOW, "digest": "d1", "reason": "too dear"},), memo={}, status="denied")
    assert [one.event for one in entries_of(denied)] == ["requested", "planned", "denied", "ended"]
    cancelled = told(cancel={"by": "U0CAROL", "at": NOW + 5}, decisions=(), memo={}, status="cancelled")
    assert [(one.event, one.actor) for one in entries_of(cancelled)][2] == ("cancelled", "U0CAROL")
    assert "extended" in [one.event for one in entries_of(told(kind="pool.extend"))]
    expired = entries_of(told(kind="pool.expire", plan=None, decisions=(), memo={}))[0]
    assert (expired.event, expired.actor) == ("expired", "quartermaster")
    assert [one.event for one in entries_of(told(kind="query.logs", plan=None, decisions=(), memo={}))] == ["asked"]
    assert entries_of(told(kind="idle.scale"))[0].actor == "quartermaster", "the owner did not ask for it"
    assert entries_of(told(kind="home")) == []


async def started(journal: Journal, op_id: str = "op1") -> Operation:
    await journal.create(
        NewOperation(
            id=op_id, kind="pool.add", request={"values": {"cluster": "demo"}}, team="T", channel="C0GPU", user="U0ALICE", idempotency=op_id,
            text="pool add demo/gpu",
        )
    )  # fmt: skip
    op = await journal.claim(op_id)
    assert isinstance(op, Operation)
    return op


async def test_a_write_to_the_cloud_is_noted_before_it_is_sent_and_after_what_allowed_it(redis: Redis, audit: Audit) -> None:
    journal = Journal(redis, Clock())
    trail = Trail(audit, journal, Clock())
    sent: list[int] = []
    path = "/subscriptions/0000/resourceGroups/demo/providers/Microsoft.ContainerService/managedClusters/demo/agentPools/gpu"

    async def put(op: Operation, do: Services) -> Outcome:
        await trail.write("PUT", path)
        sent.append((await audit.verify()).count)
        return Done()

    kind = trail.traced({"pool.add": Kind("pool.add", (Step("pool", put),))})["pool.add"]
    await started(journal)
    fact = {"by": "U0BOB", "verdict": "approve", "at": NOW, "digest": ""}
    await journal.poke("op1", {f"{DECISION_PREFIX}:U0BOB": json.dumps(fact)})
    op = await journal.load("op1")
    assert op is not None
    for _ in range(2):
        await kind.step("pool").run(op, cast(Services, None))
    assert sent == [4, 4]
    events = [sealed.entry.event for sealed in reversed(await audit.entries())]
    assert events == ["opened", "requested", "approved", "write"]
    write = (await audit.entries(limit=1))[0].entry
    assert (write.cluster, write.detail["resource"]) == ("demo", path.partition("0000")[2])
    await trail.write("DELETE", path)
    assert (await audit.entries(limit=1))[0].entry.operation == "", "outside a step it belongs to nobody"


async def test_an_ending_lost_to_a_kill_is_made_up_for(redis: Redis, audit: Audit) -> None:
    journal = Journal(redis, Clock())
    trail = Trail(audit, journal, Clock())
    op = await started(journal)
    await trail.settle("op1")
    assert await journal.commit(op, Commit({"status": "failed"}, ended=True)) == "committed"
    await redis.sadd(OWED, "op1", "long-gone")
    await trail.settle_owed()
    await trail.settle_owed()
    assert [sealed.entry.event for sealed in await audit.entries()] == ["ended", "requested", "opened"]
    assert await redis.scard(OWED) == 0


async def test_nobody_fills_the_log_by_being_refused_again_and_again(audit: Audit) -> None:
    for second in range(50):
        await audit.append(refusal("pool.add", "U0GINA", NOW + second, "Guests cannot ask for GPUs.", command="pool add x/y", channel="C0GPU"))
    await audit.append(refusal("pool.add", "U0GINA", NOW + 7200, "Guests cannot ask for GPUs.", command="pool add x/y", channel="C0GPU"))
    assert len([one for one in await audit.entries() if one.entry.event == "refused"]) == 2


def test_each_event_is_one_line_that_says_who_and_what() -> None:
    text, lines = answer(seal_all(entries_of(told()), GENESIS, 1))
    assert text == "5 entries of the audit log"
    assert "<@U0ALICE> asked for `/gpu pool add demo/gpu --size Standard_NC4as_T4_v3`" in lines[0]
    assert "planned *node pool demo/gpu*: $1.06/h, $8.42 until" in lines[1]
    assert "<@U0BOB> approved *node pool demo/gpu*" in lines[2]
    assert "*node pool demo/gpu*: done - ready" in lines[4]
    assert answer([])[1] == []


def test_in_a_file_people_have_names_and_times_are_readable() -> None:
    said = answer(seal_all(entries_of(told()), GENESIS, 1))[1][2]
    assert people(said) == ["U0BOB"]
    filed = plain(said, {"U0BOB": "Bob"})
    assert filed.startswith(f"{datetime.fromtimestamp(NOW, UTC):%Y-%m-%d}T")
    assert "+00:00 Bob approved *node pool demo/gpu*" in filed
    assert plain("<@U0CAROL> a &lt; b", {}) == "U0CAROL a < b"


@given(st.sampled_from(["requested", "denied", "write", "ended", "refused", "granted", "from a newer version"]), st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_nothing_that_a_person_typed_pings_or_links_or_breaks_a_line(event: str, typed: str) -> None:
    hostile = f"{typed}<!channel><@U0BOB> <https://evil.example|x>"
    keys = ("command", "reason", "title", "resource", "sentence", "status", "outcome", "taken_back", "method")
    lines = answer(seal_all([Entry("op/1", event, "U0ALICE", NOW, operation="op", detail=dict.fromkeys(keys, hostile))], GENESIS, 1))[1]
    assert len(lines) == 1
    assert "<!channel" not in lines[0]
    assert "<@U0BOB" not in lines[0]
    assert "<http" not in lines[0]
    assert len(lines[0]) < 500
    assert not set("\n\r\x00") & set(lines[0])


async def test_a_log_with_nonsense_in_it_is_still_told(audit: Audit) -> None:
    odd = [entry("op/1", "planned", hourly="a lot", approvals="?"), entry("op/2", "extended", until="soon"), entry("op/3", "granted", approved_by=7)]
    for one in odd:
        await audit.append(one)
    assert len(answer(await audit.entries())[1]) == 4


async def test_export_verify_and_trim_from_the_command_line(
    redis: Redis, redis_url: str, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = Settings.from_environment({"SLACK_BOT_TOKEN": "x", "SLACK_SIGNING_SECRET": "x", "AZURE_SUBSCRIPTION_ID": "x", "REDIS_URL": redis_url})
    file = str(tmp_path / "audit.jsonl")

    async def run(*argv: str, live: bool = True) -> tuple[int, str]:
        status = await asyncio.to_thread(main, argv, given if live else None)
        said = capsys.readouterr()
        return status, said.out + said.err

    assert await run("verify") == (0, "the live log has no entries: nothing was recorded, or what was recorded is not here.\n")
    await filled(audit)
    assert (await run("export", file))[0] == 0
    assert len((await run("export"))[1].splitlines()) == 7
    status, said = await run("verify", file, live=False)
    assert status == 0
    assert said.startswith(f"Intact: {file}, 7 entries, 1 to 7")
    await audit.append(entry("later/asked"))
    assert (await run("verify", "--continues", file))[0] == 0
    assert (await run("trim", file))[0] == 0
    status, said = await run("verify")
    assert status == 0
    assert "Entries 1 to 7 are not in it" in said
    await asyncio.to_thread(lambda: Path(file).write_text(Path(file).read_text().replace("U0ALICE", "U0BOB", 1)))
    status, said = await run("verify", file)
    assert status == 1
    assert "entry 2: its content does not have its hash" in said
    assert (await run("verify", str(tmp_path / "none")))[0] == 2
    assert (await run("export", live=False))[0] == 2
