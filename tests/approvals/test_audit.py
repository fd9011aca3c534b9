"""Hazards of the audit log: appenders that race, entries that are changed, cut off or written anew, secrets, histories that are not there."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from bot.approvals.audit import ANCHOR, HEAD, LOG, Audit
from bot.approvals.auditcli import main
from bot.approvals.chain import GENESIS, Entry, Verified, canonical, check_lines, digest, seal_all
from bot.approvals.retelling import answer
from bot.approvals.trail import OWED, Trail, entries_of, refusal
from bot.clock import Clock
from bot.operations.journal import Commit, Journal, NewOperation
from bot.operations.record import DECISION_PREFIX, Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Kind, Outcome, Step
from bot.settings import Settings

NOW = 1_795_000_000.0

RACER = """
import asyncio, sys
from redis.asyncio import Redis
from bot.approvals.audit import Audit
from bot.approvals.chain import Entry
from bot.clock import Clock

async def race(url, who):
    redis = Redis.from_url(url, decode_responses=True)
    audit = Audit(redis, Clock())
    own = [audit.append(Entry(f"op-{who}/{n}", "write", "quartermaster", 1.0, operation=f"op-{who}")) for n in range(40)]
    shared = [audit.append(Entry(f"shared/{n}", "write", "quartermaster", 1.0, operation="shared")) for n in range(20)]
    print(sum(await asyncio.gather(*own, *shared)))
    await redis.aclose()

asyncio.run(race(*sys.argv[1:]))
"""


def entry(name: str, event: str = "write", at: float = NOW, *, cluster: str = "", **detail: object) -> Entry:
    return Entry(name, event, "U0ALICE", at, operation=name.partition("/")[0], kind="pool.add", cluster=cluster, detail=detail)


@pytest.fixture
def audit(redis: Redis) -> Audit:
    return Audit(redis, Clock())


async def filled(audit: Audit, count: int = 6) -> list[str]:
    for number in range(count):
        await audit.append(entry(f"op{number}/asked", "requested", NOW + number, command=f"pool add demo/gpu{number}"))
    return [line async for line in audit.export()]


async def rewrite(redis: Redis, rows: list[tuple[str, dict[str, str]]]) -> None:
    await redis.delete(LOG)
    for row_id, fields in rows:
        await redis.xadd(LOG, fields, id=row_id)  # type: ignore[arg-type]


# --- racing -----------------------------------------------------------------------------------------


async def test_appenders_in_several_processes_leave_one_unbroken_chain(redis: Redis, redis_url: str, audit: Audit) -> None:
    racers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", RACER, redis_url, str(number), stdout=asyncio.subprocess.PIPE)
        for number in range(3)
    ]
    said = [(await racer.communicate())[0] for racer in racers]
    assert sum(int(text) for text in said) == 3 * 40 + 20
    found = await audit.verify()
    assert (found.broken_at, found.count) == (None, 1 + 3 * 40 + 20)
    names = Counter(json.loads(line)["name"] for line in [line async for line in audit.export()])
    assert set(names.values()) == {1}


async def test_many_appenders_that_do_not_know_of_each_other(redis: Redis, audit: Audit) -> None:
    strangers = [Audit(redis, Clock()) for _ in range(8)]
    await asyncio.gather(*(one.append(entry(f"op{who}/{number}")) for who, one in enumerate(strangers) for number in range(10)))
    found = await audit.verify()
    assert (found.broken_at, found.count) == (None, 81)


async def test_a_step_that_is_repeated_is_written_once(redis: Redis, audit: Audit) -> None:
    strangers = [Audit(redis, Clock()) for _ in range(10)]
    wrote = await asyncio.gather(*(one.append(entry("op1/pool/PUT"), entry("op1/pool/DELETE")) for one in strangers))
    assert sum(wrote) == 2
    assert await audit.append(entry("op1/pool/PUT", at=NOW + 99), entry("op1/gone")) == 1
    assert (await audit.verify()).count == 1 + 3


async def test_entries_of_several_operations_are_not_taken_in_one_go(audit: Audit) -> None:
    with pytest.raises(ValueError, match="several operations"):
        await audit.append(entry("op1/a"), entry("op2/a"))


# --- tampering --------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["change", "change and hash anew", "take out", "swap", "cut off", "cut off with the head", "empty", "garbage"])
async def test_harm_done_to_the_stored_log_is_found_and_located(redis: Redis, audit: Audit, harm: str) -> None:
    await filled(audit)
    rows = cast(list[tuple[str, dict[str, str]]], await redis.xrange(LOG))
    where = 4
    match harm:
        case "change":
            rows[3][1]["body"] = rows[3][1]["body"].replace("U0ALICE", "U0MALLORY")
        case "change and hash anew":
            rows[3][1]["body"] = rows[3][1]["body"].replace("U0ALICE", "U0MALLORY")
            rows[3][1]["hash"] = digest(rows[3][1]["body"])
            where = 5
        case "take out":
            del rows[3]
        case "swap":
            rows[3], rows[4] = (rows[3][0], rows[4][1]), (rows[4][0], rows[3][1])
        case "cut off":
            del rows[5:]
            where = 6
        case "cut off with the head":
            del rows[3:]
            await redis.hset(HEAD, mapping={"seq": "7", "hash": rows[2][1]["hash"]})
        case "empty":
            rows, where = [], 1
        case "garbage":
            rows[3][1]["body"] = "not even JSON"
    await rewrite(redis, rows)
    found = await audit.verify()
    assert found.broken_at == where
    assert found.why


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_single_change_to_an_exported_file_goes_unseen(data: st.DataObject) -> None:
    entries = [entry(f"op/{number}", detail=f"text {number}", more={"a": [1, None, True]}) for number in range(5)]
    lines = [sealed.line for sealed in seal_all(entries, GENESIS, 1)]
    assert check_lines(lines).broken_at is None
    text = "\n".join(lines)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda one: one != text[at]))
    changed = (text[:at] + other + text[at + 1 :]).splitlines()
    assert check_lines(changed).broken_at is not None


@given(moved=st.permutations(range(5)), dropped=st.integers(0, 4))
@settings(max_examples=100, deadline=None)
def test_entries_of_a_file_cannot_be_moved_or_left_out(moved: list[int], dropped: int) -> None:
    lines = [sealed.line for sealed in seal_all([entry(f"op/{number}") for number in range(5)], GENESIS, 1)]
    if moved != sorted(moved):
        assert check_lines([lines[number] for number in moved]).broken_at is not None
    rest = lines[:dropped] + lines[dropped + 1 :]
    found = check_lines(rest)
    assert found.broken_at == dropped + 1 if 0 < dropped < 4 else found.count == 4
    if dropped == 0:
        assert found.begins == 2


async def test_a_history_written_anew_is_told_by_an_earlier_export(redis: Redis, audit: Audit) -> None:
    witness = check_lines(await filled(audit))
    await audit.append(entry("later/asked"))
    assert (await audit.verify(witness)).broken_at is None
    await redis.flushall()
    forged = Audit(redis, Clock())
    await filled(forged, 9)
    assert (await forged.verify()).broken_at is None, "in itself a chain that was written anew is sound"
    found = await forged.verify(witness)
    assert found.broken_at == witness.last
    assert "another history" in found.why


async def test_a_log_begun_anew_after_redis_was_lost_says_so(redis: Redis, audit: Audit) -> None:
    first = (await filled(audit, 1))[0]
    await redis.flushall()
    second = (await filled(audit, 1))[0]
    assert json.loads(first)["event"] == json.loads(second)["event"] == "opened"
    assert json.loads(first)["hash"] != json.loads(second)["hash"]
    _, lines = answer((await audit.entries())[-1:])
    assert "nothing is known" in lines[0]


async def test_the_head_alone_being_lost_does_not_stop_the_log(redis: Redis, audit: Audit) -> None:
    await filled(audit)
    await redis.delete(HEAD)
    await audit.append(entry("later/asked"))
    assert (await audit.verify()) == Verified(8, None, "", 1, (await audit.entries(limit=1))[0].hash, (await audit.verify()).until)


# --- shortening -------------------------------------------------------------------------------------


async def test_a_shortened_log_leaves_an_anchor_and_claims_nothing_of_what_was_before(redis: Redis, audit: Audit) -> None:
    exported = check_lines((await filled(audit))[:4])
    assert await audit.trim(exported) == 4
    found = await audit.verify()
    assert (found.broken_at, found.begins, found.count) == (None, 5, 3)
    again = check_lines([line async for line in audit.export()])
    assert (again.broken_at, again.begins, again.count) == (None, 5, 3)
    assert (await audit.verify(exported)).broken_at is None
    assert await audit.append(entry("op0/asked")) == 0, "names are known although their entries were taken out"
    await redis.delete(ANCHOR)
    assert (await audit.verify()).broken_at == 1, "entries that are missing without an anchor were taken"


async def test_a_log_is_not_shortened_by_an_export_that_is_not_its_own(audit: Audit) -> None:
    await filled(audit)
    foreign = check_lines([sealed.line for sealed in seal_all([entry("x/1"), entry("x/2")], GENESIS, 1)])
    assert await audit.trim(foreign) == -1
    assert (await audit.verify()).count == 7


# --- what is in it ----------------------------------------------------------------------------------


async def test_no_secret_gets_in_and_nothing_is_endless(audit: Audit) -> None:
    await audit.append(
        entry("op/1", command="run x --env HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz0123", price=0.1, long="x" * 9000, many=list(range(900)))
    )
    line = [line async for line in audit.export()][-1]
    assert "hf_abc" not in line
    assert len(line) < 3000
    assert json.loads(line)["detail"]["price"] == "0.1"


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)))
@settings(max_examples=100, deadline=None)
def test_whatever_the_detail_its_line_is_sound(detail: dict[str, object]) -> None:
    sealed = seal_all([Entry("op/1", "write", "U", NOW, detail=detail)], GENESIS, 1)[0]
    assert check_lines([sealed.line]).count == 1
    assert canonical({key: value for key, value in json.loads(sealed.line).items() if key != "hash"}) == sealed.body


async def test_entries_are_found_by_time_and_cluster_even_if_written_late(audit: Audit) -> None:
    for number in range(700):
        await audit.append(entry(f"op/{number}", at=NOW + number, cluster="demo" if number % 7 == 0 else "other"))
    await audit.append(entry("late/1", at=NOW - 3600, cluster="demo"))
    await audit.append(entry("looked/1", "asked", at=NOW + 701, cluster="demo"))
    newest = await audit.entries(limit=3)
    assert [sealed.entry.name for sealed in newest] == ["looked/1", "late/1", "op/699"]
    of_demo = await audit.entries(NOW + 600, "DEMO", 200, quiet=True)
    assert [sealed.entry.at for sealed in of_demo] == [NOW + number for number in range(699, 599, -1) if number % 7 == 0]
    assert len(await audit.entries(cluster="demo", limit=500)) == 102


# --- from the journal -------------------------------------------------------------------------------


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


# --- in words ---------------------------------------------------------------------------------------


def test_each_event_is_one_line_that_says_who_and_what() -> None:
    text, lines = answer(seal_all(entries_of(told()), GENESIS, 1))
    assert text == "5 entries of the audit log"
    assert "<@U0ALICE> asked for `/gpu pool add demo/gpu --size Standard_NC4as_T4_v3`" in lines[0]
    assert "planned *node pool demo/gpu*: $1.06/h, $8.42 until" in lines[1]
    assert "<@U0BOB> approved *node pool demo/gpu*" in lines[2]
    assert "*node pool demo/gpu*: done - ready" in lines[4]
    assert answer([])[1] == []


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


# --- the command line -------------------------------------------------------------------------------


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
