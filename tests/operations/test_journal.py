"""Hazards of the journal: two claims, late commits, facts that arrive in the middle of a step."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from redis.asyncio import Redis

from bot.clock import Clock
from bot.operations import journal as journaling
from bot.operations.journal import Busy, Commit, Journal, NewOperation
from bot.operations.record import Operation, read
from bot.store import text


def new(op_id: str = "op1", trigger: str = "t1") -> NewOperation:
    return NewOperation(id=op_id, kind="test", request={"values": {"a": 1}}, team="T", channel="C", user="U", idempotency=trigger, text="run mnist")


@pytest.fixture
def journal(redis: Redis) -> Journal:
    return Journal(redis, Clock(), lease=0.3)


async def claimed(journal: Journal, op_id: str = "op1") -> Operation:
    op = await journal.claim(op_id)
    assert isinstance(op, Operation)
    return op


async def test_the_same_request_is_written_once_whatever_is_repeated(journal: Journal) -> None:
    ids = await asyncio.gather(*(journal.create(new(f"op{number}")) for number in range(20)))
    assert len(set(ids)) == 1
    assert len(await journal.active()) == 1


async def test_what_is_typed_again_is_the_same_request_until_that_has_ended(journal: Journal) -> None:
    ids = await asyncio.gather(*(journal.create(replace(new(f"op{number}", f"t{number}"), same="alice types")) for number in range(20)))
    assert len(set(ids)) == 1
    assert [op.id for op in await journal.active()] == [ids[0]]
    assert await journal.create(replace(new(ids[0], f"t{ids[0][2:]}"), same="alice types")) == ids[0]  # Slack brings the first of them again
    assert await journal.create(replace(new("other", "t100"), same="bob types")) == "other"
    assert await journal.create(new("unnamed", "t101")) == "unnamed"
    await journal.commit(await claimed(journal, ids[0]), Commit({"status": "succeeded"}, ended=True))
    later = await asyncio.gather(*(journal.create(replace(new(f"later{number}", f"l{number}"), same="alice types")) for number in range(20)))
    assert len(set(later)) == 1
    assert later[0].startswith("later")


async def test_whoever_reads_all_that_goes_on_lets_other_work_have_its_turn(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1000):
        await journal.create(new(f"op{number}", f"t{number}"))
    turns: list[int] = []  # how many records were read, each time that the loop came round
    counted = 0

    def reading(fields: Mapping[str, str]) -> Operation:
        nonlocal counted
        counted += 1
        return read(fields)

    async def others() -> None:
        while counted < 1000:
            turns.append(counted)
            await asyncio.sleep(0)

    monkeypatch.setattr(journaling, "read", reading)
    found, _ = await asyncio.gather(journal.active(), others())
    assert max(after - before for before, after in pairwise([*turns, counted])) <= 200
    assert [op.created for op in found] == sorted((op.created for op in found), reverse=True)
    assert len(found) == 1000


async def test_only_one_of_many_gets_the_claim(journal: Journal) -> None:
    await journal.create(new())
    answers = await asyncio.gather(*(journal.claim("op1") for _ in range(20)))
    assert sum(isinstance(answer, Operation) for answer in answers) == 1
    assert all(isinstance(answer, Busy) and 0 < answer.seconds <= 0.3 for answer in answers if not isinstance(answer, Operation))


async def test_a_late_commit_of_an_old_claim_changes_nothing(journal: Journal) -> None:
    await journal.create(new())
    old = await claimed(journal)
    await asyncio.sleep(0.35)
    fresh = await claimed(journal)
    assert await journal.commit(old, Commit({"step": "old"}, [("op1/old/said", {"text": "old"})], wait=60)) == "fenced"
    assert await journal.commit(fresh, Commit({"step": "fresh"}, wait=60)) == "committed"
    op = await journal.load("op1")
    assert op is not None
    assert op.step == "fresh"
    assert not [name for name in await journal.redis.hgetall(journal.key("out", "op1")) if text(name).startswith("m:")]


async def test_a_renewed_claim_is_kept(journal: Journal) -> None:
    await journal.create(new())
    op = await claimed(journal)
    for _ in range(4):
        await asyncio.sleep(0.15)
        assert await journal.renew(op)
    assert isinstance(await journal.claim("op1"), Busy)


async def test_a_fact_that_arrives_during_a_step_is_not_slept_through(journal: Journal) -> None:
    await journal.create(new())
    op = await claimed(journal)
    assert await journal.poke("op1", {"cancel": '{"by": "U2"}'}, first=True) == "written"
    assert await journal.commit(op, Commit({"step": "s"}, wait=900)) == "poked"
    again = await journal.load("op1")
    assert again is not None
    assert again.cancel == {"by": "U2"}


async def test_the_first_decision_stands(journal: Journal) -> None:
    await journal.create(new())
    assert await journal.poke("op1", {"decision:d:U2": '{"by": "U2", "at": 1}'}, first=True) == "written"
    assert await journal.poke("op1", {"decision:d:U2": '{"by": "U2", "at": 2}'}, first=True) == "kept"
    op = await journal.load("op1")
    assert op is not None
    assert [fact["at"] for fact in op.decisions] == [1]


async def test_an_ended_operation_takes_no_more_facts(journal: Journal) -> None:
    await journal.create(new())
    op = await claimed(journal)
    assert await journal.commit(op, Commit({"status": "succeeded"}, ended=True)) == "committed"
    assert await journal.poke("op1", {"cancel": "{}"}) == "ended"
    assert await journal.claim("op1") is None
    assert await journal.overdue() == []


async def test_a_message_is_queued_once_however_often_its_step_ran(journal: Journal) -> None:
    await journal.create(new())
    for _ in range(2):
        op = await claimed(journal)
        assert await journal.commit(op, Commit({"step": "s"}, [("op1/s/said", {"text": "hello"})], wait=0)) == "committed"
    names = [name for name in await journal.redis.hgetall(journal.key("out", "op1")) if text(name).startswith("m:")]
    assert names == ["m:op1/s/said"]


async def test_what_is_overdue_is_found_by_the_sweep(journal: Journal) -> None:
    await journal.create(new())
    op = await claimed(journal)
    await journal.commit(op, Commit({"step": "s"}, wait=0.1))
    assert await journal.overdue() == []
    await asyncio.sleep(0.15)
    assert await journal.overdue() == ["op1"]


async def test_business_time_wakes_even_when_it_jumps(redis: Redis, tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "clock.json"
    file.write_text('{"offset": 0}')
    journal = Journal(redis, Clock(file))
    await journal.create(new())
    op = await claimed(journal)
    await journal.commit(op, Commit({"step": "s"}, wait=3600, calendar=Clock().now() + 3600))
    assert await journal.overdue() == []
    file.write_text('{"offset": 4000.0}')
    assert await journal.overdue() == ["op1"]


async def test_fences_rise_even_after_everything_was_lost(journal: Journal) -> None:
    await journal.create(new())
    before = (await claimed(journal)).fence
    await journal.redis.flushall()
    await asyncio.sleep(0.005)  # fences are milliseconds: nothing is lost and rebuilt within one
    await journal.create(new())
    assert (await claimed(journal)).fence > before
