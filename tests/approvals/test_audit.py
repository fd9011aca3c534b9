"""Hazards of the audit log: appenders that race, entries that are changed, cut off or written anew, secrets, histories that are not there."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from bot.approvals.audit import ANCHOR, HEAD, LOG, Audit
from bot.approvals.chain import GENESIS, Entry, Verified, canonical, check_lines, digest, seal_all
from bot.approvals.retelling import answer
from bot.clock import Clock
from tests.approvals.logs import NOW, entry, filled

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


async def rewrite(redis: Redis, rows: list[tuple[str, dict[str, str]]]) -> None:
    await redis.delete(LOG)
    for row_id, fields in rows:
        await redis.xadd(LOG, fields, id=row_id)  # type: ignore[arg-type]


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
