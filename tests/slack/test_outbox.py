"""Posting once: every edge between "Slack took it" and "we wrote it down", against a Slack that cuts, delays, refuses and throttles."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.operations.journal import Commit, NewOperation
from bot.operations.record import Operation
from bot.slack.pacing import TIERS

from .conftest import Post, opened, rendered


async def parent(post: Post, channel: str = "C0GPU") -> str:
    """A message that opens a thread."""
    answer = await post.local.client.chat_postMessage(channel=channel, text="parent")
    return str(answer["ts"])


async def test_slack_took_it_and_the_answer_was_lost(post: Post) -> None:
    ts = await parent(post)
    post.speak("op", thread=ts)
    await post.say("op", "first", "second")
    post.local.fault("reset_after", "chat.postMessage")
    await post.delivered("op")
    assert await post.shown(thread=ts) == ["first", "second"]
    assert set((await post.states("op")).values()) == {"sent"}


async def test_killed_after_slack_took_it_and_before_it_was_written_down(post: Post) -> None:
    ts = await parent(post)
    post.speak("op", thread=ts)
    await post.say("op", "first", "second")
    post.local.fault("late", "chat.postMessage", seconds=30)
    await post.killed("op", lambda: any(message.text == "first" for message in post.local.workspace.messages["C0GPU"].values()))
    assert await post.states("op") == {"op/first": "sending", "op/second": "new"}
    await post.delivered("op")
    assert await post.shown(thread=ts) == ["first", "second"]


async def test_killed_after_the_mark_and_before_slack_heard_of_it(post: Post) -> None:
    ts = await parent(post)
    post.speak("op", thread=ts)
    await post.say("op", "first")
    before = post.calls("chat.postMessage")
    post.local.fault("hang", "chat.postMessage", seconds=30)
    await post.killed("op", lambda: post.calls("chat.postMessage") > before)
    assert await post.shown(thread=ts) == []
    await post.delivered("op")
    assert await post.shown(thread=ts) == ["first"]


async def test_an_unanswered_card_is_found_in_the_channel_and_opens_the_thread(post: Post) -> None:
    post.speak("op", card="the card")
    await post.say("op", "reply")
    post.local.fault("reset_after", "chat.postMessage")
    await post.delivered("op")
    rows = await post.local.messages()
    assert [row["text"] for row in rows] == ["the card"]
    assert [reply["text"] for reply in rows[0]["replies"]] == ["reply"]
    assert {ts for _, ts in post.opened} == {rows[0]["ts"]}


async def test_without_metadata_it_is_known_by_its_first_blocks_id(post: Post) -> None:
    ts = await parent(post)
    post.speak("op", thread=ts)
    await post.say("op", "first", blocks=True)
    post.local.fault("reset_after", "chat.postMessage")
    await post.replica().deliver("op")
    for message in post.local.workspace.messages["C0GPU"].values():
        message.metadata = None
    await post.delivered("op")
    assert await post.shown(thread=ts) == ["first"]


async def test_it_is_found_however_much_was_said_in_the_channel_meanwhile(post: Post) -> None:
    """The worker was away for hours: the newest page of the history does not reach back to the post in doubt."""
    post.speak("op", card="the card")
    post.local.fault("reset_after", "chat.postMessage")
    await post.replica().deliver("op")
    later = float(next(iter(post.local.workspace.messages["C0GPU"]))) + 7200
    original = next(iter(post.local.workspace.messages["C0GPU"].values()))
    for number in range(450):
        ts = f"{later + number:.6f}"
        post.local.workspace.messages["C0GPU"][ts] = type(original)("C0GPU", ts, "U0ALICE", f"chatter {number}")
    await post.delivered("op")
    assert (await post.shown()).count("the card") == 1


async def test_a_message_that_appears_after_the_settle_time_is_the_window_that_remains(post: Post) -> None:
    """Stated in docs/promises.md: Slack showing a message later than the settle time makes a second one. So nobody may promise more."""
    post.speak("op", card="the card")
    post.local.fault("reset_after", "chat.postMessage")
    await post.replica().deliver("op")
    messages = post.local.workspace.messages["C0GPU"]
    ts, message = messages.popitem()  # Slack has it, and does not show it yet
    await post.delivered("op")
    messages[ts] = message
    assert await post.shown() == ["the card", "the card"]


@pytest.mark.parametrize("error", ["internal_error", "fatal_error", "service_unavailable", "request_timeout"])
async def test_an_error_of_slacks_own_is_no_answer(post: Post, error: str) -> None:
    """Slack: on internal_error and fatal_error "some aspect of the operation" may have succeeded; neither lose it nor say it twice."""
    ts = await parent(post)
    post.speak("op", thread=ts)
    await post.say("op", "first", "second")
    post.local.fault("error", "chat.postMessage", error=error)
    await post.delivered("op")
    assert await post.shown(thread=ts) == ["first", "second"]


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_bad_gateway_loses_nothing(post: Post, status: int) -> None:
    post.speak("op", card="the card")
    await post.say("op", "reply")
    post.local.fault("status", "chat.postMessage", times=2, status=status)
    await post.delivered("op")
    rows = await post.local.messages()
    assert [(row["text"], [reply["text"] for reply in row["replies"]]) for row in rows] == [("the card", ["reply"])]


async def test_a_card_edit_that_failed_is_drawn_later(post: Post) -> None:
    post.speak("op", card="old")
    await post.delivered("op")
    post.where["op"] = type(post.where["op"])("op", "C0GPU", "U0ALICE", post.opened[0][1], rendered("new"))
    post.local.fault("status", "chat.update", status=503)
    await post.delivered("op")
    assert await post.shown() == ["new"]


async def test_only_the_newest_state_of_a_card_is_drawn(post: Post) -> None:
    post.speak("op", card="0")
    await post.delivered("op")
    for number in range(1, 30):
        post.speak("op", thread=post.opened[0][1], card=str(number))
    await post.delivered("op")
    assert await post.shown() == ["29"]
    assert post.calls("chat.update") == 1


async def test_a_429_is_honoured_by_every_replica_and_loses_nothing(post: Post) -> None:
    ts = await parent(post)
    post.speak("op", thread=ts)
    await post.say("op", "first", "second")
    post.local.fault("ratelimited", "chat.postMessage", retry_after=1)
    replicas = [post.replica() for _ in range(3)]
    wait = await replicas[0].deliver("op")
    assert wait is not None
    assert wait >= 0.9
    asked = post.calls("chat.postMessage")
    assert await replicas[1].deliver("op") is not None
    assert post.calls("chat.postMessage") == asked
    await post.delivered("op", *replicas)
    assert await post.shown(thread=ts) == ["first", "second"]


async def test_a_limit_that_slack_states_without_a_429_loses_nothing(post: Post) -> None:
    post.speak("op", card="the card")
    post.local.fault("error", "chat.postMessage", error="rate_limited")
    await post.delivered("op")
    assert await post.shown() == ["the card"]


async def test_replies_stand_in_the_order_in_which_they_were_said(post: Post) -> None:
    ts = await parent(post, "C0ML")
    post.speak("op", "C0ML", thread=ts)
    names = [f"line {number}" for number in range(5)]
    await post.say("op", *names)
    post.local.fault("reset_after", "chat.postMessage")
    post.local.fault("reset_before", "chat.postMessage")
    await post.delivered("op", post.replica(), post.replica(), post.replica())
    assert await post.shown("C0ML", ts) == names


async def test_three_replicas_post_each_message_once(post: Post) -> None:
    for number in range(4):
        post.speak(f"op{number}", ("C0GPU", "C0ML")[number % 2], card=f"card {number}")
        await post.say(f"op{number}", "reply")
    replicas = [post.replica() for _ in range(3)]
    await asyncio.gather(*(post.delivered(f"op{number}", *replicas) for number in range(4)))
    rows = [row for channel in ("C0GPU", "C0ML") for row in await post.local.messages(channel)]
    assert sorted(row["text"] for row in rows) == [f"card {number}" for number in range(4)]
    assert [[reply["text"] for reply in row["replies"]] for row in rows] == [["reply"]] * 4


async def test_pacing_provokes_no_429_of_its_own(post: Post) -> None:
    for number in range(8):
        post.speak(f"op{number}", ("C0GPU", "C0ML")[number % 2], card=f"card {number}")
    replicas = [post.replica() for _ in range(3)]
    await asyncio.gather(*(post.delivered(f"op{number}", *replicas) for number in range(8)))
    posts = [row for row in post.local.traffic.listed("slack") if row["path"].endswith("chat.postMessage")]
    assert [row["status"] for row in posts] == [200] * 8


async def test_200_busy_threads_and_a_digest_provoke_no_429(redis: Redis) -> None:
    """Limits and rates are both forty times the usual ones, so that minutes take seconds; the local Slack counts every call."""
    async with opened(redis, granted=40) as post:
        names = [f"op{number}" for number in range(200)]
        for number, name in enumerate(names):
            post.speak(name, ("C0GPU", "C0ML")[number % 2], card="asked")
            await post.say(name, "plan")
        post.speak("digest", "C0GPU", card="the digest")
        replicas, slots = [post.replica() for _ in range(3)], asyncio.Semaphore(60)

        async def deliver(number: int, name: str) -> None:
            async with slots:
                await post.delivered(name, replicas[number % 3])

        await asyncio.gather(*(deliver(number, name) for number, name in enumerate(["digest", *names])))
        cards = {name: ts for name, ts in post.opened if name != "digest"}
        for number, name in enumerate(names):
            post.speak(name, ("C0GPU", "C0ML")[number % 2], thread=cards[name], card="done")
        await asyncio.gather(*(deliver(number, name) for number, name in enumerate(names)))
        called = [row for row in post.local.traffic.listed("slack") if row["path"].split("/")[-1].startswith("chat.")]
        assert Counter(row["status"] for row in called) == {200: len(called)}
        assert Counter(await post.shown() + await post.shown("C0ML")) == {"done": 200, "the digest": 1}
        assert post.calls("chat.update") == 200
        assert post.calls("chat.postMessage") == 401


@pytest.mark.parametrize("method", ["conversations.history", "conversations.replies"])
async def test_70_look_ups_after_a_restart_provoke_no_429(redis: Redis, method: str) -> None:
    """Each post was cut off and has to be looked for. Slack states a rate and no burst, so here it has no more of one left than we use at once."""
    async with opened(redis, granted=5) as post:
        places = [("C0GPU", await parent(post)), ("C0ML", await parent(post, "C0ML"))]
        said = [f"said {number}" for number in range(70)]
        for number, text in enumerate(said):
            channel, thread = places[number % 2]
            post.speak(text, channel, **({"card": text} if method == "conversations.history" else {"thread": thread}))
            if method == "conversations.replies":
                await post.say(text, text)
        post.local.fault("reset_after", "chat.postMessage", times=len(said))
        gone = post.replica(settle=3600)
        while post.calls("chat.postMessage") < len(said) + len(places):
            await asyncio.gather(*(gone.deliver(text) for text in said))
            await asyncio.sleep(0.1)
        for _ in range(int(40 * post.granted)):  # of Slack's 50
            await post.local.client.api_call(method, params={"channel": "C0GPU", "ts": places[0][1], "limit": 1})
        before = post.calls(method)
        replicas = [post.replica() for _ in range(3)]
        await asyncio.gather(*(post.delivered(text, replicas[number % 3]) for number, text in enumerate(said)))
        assert post.calls(method) - before == len(said)
        assert {row["status"] for row in post.local.traffic.listed("slack") if row["path"].split("?")[0].endswith(method)} == {200}
        rows = [row for channel, _ in places for row in await post.local.messages(channel)]
        shown = Counter(one["text"] for row in rows for one in (row, *row["replies"]))
        assert shown == Counter({"parent": 2, **dict.fromkeys(said, 1)})


async def test_a_dead_channel_stalls_no_other(post: Post) -> None:
    post.speak("dead", "C0RANDOM", card="nobody reads this")
    post.speak("alive", "C0GPU", card="the card")
    outbox = post.replica()
    assert await outbox.deliver("dead") is None
    await post.delivered("alive", outbox)
    assert post.lost == [("dead", "not_in_channel")]
    assert await post.shown() == ["the card"]


@pytest.mark.parametrize("error", [
    "restricted_action_read_only_channel", "restricted_action_thread_only_channel", "posting_to_general_channel_denied", "ekm_access_denied",
    "an_error_that_slack_has_added_since",
])  # fmt: skip
async def test_whatever_refuses_a_card_is_told_so_that_nobody_waits_for_it_for_ever(post: Post, error: str) -> None:
    post.speak("op", card="the card")
    await post.say("op", "reply")
    post.local.fault("error", "chat.postMessage", error=error)
    await post.delivered("op")
    assert post.lost == [("op", error)]


async def test_a_card_that_slack_shows_in_no_form_is_given_up(post: Post) -> None:
    post.speak("op", card="the card")
    post.local.fault("error", "chat.postMessage", times=-1, error="invalid_blocks")
    await post.delivered("op")
    assert post.lost == [("op", "invalid_blocks")]


@pytest.mark.parametrize("error", ["invalid_auth", "token_expired", "token_revoked", "account_inactive", "missing_scope"])
async def test_a_token_that_is_not_taken_for_a_while_loses_no_result(post: Post, caplog: pytest.LogCaptureFixture, error: str) -> None:
    """Rotated, or the app is installed anew: the card, the result, the last state and the private word all wait."""
    post.speak("op", card="working")
    post.local.fault("error", "chat.", times=2, error=error)
    await post.delivered("op")
    post.speak("op", thread=post.opened[-1][1], card="done")
    await post.say("op", "result")
    await post.say("op", "psst", private_to="U0ALICE")
    post.local.fault("error", "chat.", times=4, error=error)
    await post.delivered("op")
    rows = await post.local.messages(user="U0ALICE")
    assert [(row["text"], sorted(reply["text"] for reply in row["replies"])) for row in rows] == [("done", ["psst", "result"])]
    assert post.lost == []
    assert [record.slack for record in caplog.records if record.levelname == "ERROR"] == [error, error]  # type: ignore[attr-defined]


async def test_a_post_in_doubt_is_looked_up_once_the_token_is_taken_again(post: Post) -> None:
    ts = await parent(post)
    post.speak("op", thread=ts)
    await post.say("op", "first")
    post.local.fault("reset_after", "chat.postMessage")
    post.local.fault("error", "conversations.replies", error="token_revoked")
    await post.delivered("op")
    assert await post.shown(thread=ts) == ["first"]
    assert await post.states("op") == {"op/first": "sent"}


async def test_without_the_scope_for_files_only_the_file_is_missing(post: Post) -> None:
    ts = await parent(post)
    post.speak("op", thread=ts)
    await post.say("op", "curve", file={"name": "curve.csv", "title": "curve", "text": "1"})
    await post.say("op", "result")
    post.local.fault("error", "files.", error="missing_scope")
    await post.delivered("op")
    assert await post.shown(thread=ts) == ["result"]


async def test_a_channel_that_hangs_stalls_no_other(post: Post) -> None:
    ts = await parent(post, "C0ML")
    post.speak("slow", "C0ML", thread=ts)
    post.speak("quick", "C0GPU", card="the card")
    await post.say("slow", "first")
    post.local.fault("hang", "chat.postMessage", seconds=30)
    outbox = post.replica()
    slow = asyncio.create_task(outbox.deliver("slow"))
    await post.delivered("quick", outbox)
    assert await post.shown() == ["the card"]
    assert not slow.done()
    await slow


async def test_a_history_that_cannot_be_read_ends_the_search_without_a_second_post(post: Post) -> None:
    """Kicked between the post and the search: nobody can tell whether it stands, so it is not said again, nor asked for ever."""
    ts = await parent(post)
    post.speak("op", thread=ts)
    await post.say("op", "first")
    post.local.fault("reset_after", "chat.postMessage")
    outbox = post.replica()
    await outbox.deliver("op")
    await post.local.post("kick", channel="C0GPU")
    await post.delivered("op", outbox)
    assert (await post.states("op")) == {"op/first": "unknown"}
    assert await post.shown(thread=ts) == ["first"]


async def ended(post: Post, op_id: str) -> None:
    """A record that has ended without a message, as a question's does before the outbox has its first turn."""
    await post.journal.create(NewOperation(op_id, "query", {}, "T0", "C0GPU", "U0ALICE", op_id))
    op = await post.journal.claim(op_id)
    assert isinstance(op, Operation)
    assert await post.journal.commit(op, Commit({"status": "succeeded"}, ended=True)) == "committed"


async def lives(post: Post, op_id: str) -> tuple[int, int]:
    """How long the record and its outbox are kept, in seconds (-1: for ever)."""
    return int(await post.redis.ttl(f"{{qm}}:op:{op_id}")), int(await post.redis.ttl(f"{{qm}}:out:{op_id}"))


async def test_an_outbox_is_kept_no_longer_than_its_record(post: Post) -> None:
    """Every question and every notice has one: those without an end would fill Redis for good."""
    await ended(post, "answered")
    post.speak("answered", card="the answer")
    await post.delivered("answered")
    assert await post.shown() == ["the answer"]
    record, outbox = await lives(post, "answered")
    assert 0 < outbox <= record
    await ended(post, "silent")
    await post.say("silent", "psst", private_to="U0ALICE")
    post.speak("silent")
    await post.delivered("silent")
    record, outbox = await lives(post, "silent")
    assert 0 < outbox <= record


async def test_an_outbox_without_a_record_does_not_stay(post: Post) -> None:
    await post.say("gone", "nobody reads this")
    await post.delivered("gone")
    assert (await lives(post, "gone"))[1] > 0
    await post.journal.create(NewOperation("gone", "query", {}, "T0", "C0GPU", "U0ALICE", "gone"))  # rebuilt
    await post.delivered("gone")
    assert await lives(post, "gone") == (-1, -1)


async def test_a_thread_that_slack_does_not_show_ends_the_search_for_whatever_reason(post: Post) -> None:
    ts = await parent(post)
    post.speak("op", thread=ts)
    await post.say("op", "first", "second")
    post.local.fault("reset_after", "chat.postMessage")
    post.local.fault("error", "conversations.replies", error="access_denied")
    await post.delivered("op")
    assert await post.states("op") == {"op/first": "unknown", "op/second": "sent"}
    assert await post.shown(thread=ts) == ["first", "second"]


def whispered(rows: list[dict[str, Any]]) -> list[str]:
    return [row["text"] for parent_row in rows for row in (parent_row, *parent_row["replies"]) if row["ephemeral_to"]]


async def test_a_private_message_is_never_said_twice(post: Post) -> None:
    ts = await parent(post)
    post.speak("op", thread=ts)
    await post.say("op", "psst", private_to="U0ALICE")
    post.local.fault("reset_after", "chat.postEphemeral")
    await post.delivered("op", post.replica(), post.replica())
    assert whispered(await post.local.messages(user="U0ALICE")) == ["psst"]


async def test_a_private_message_whose_sender_was_killed_is_left_alone(post: Post) -> None:
    ts = await parent(post)
    post.speak("op", thread=ts)
    await post.say("op", "psst", private_to="U0ALICE")
    post.local.fault("late", "chat.postEphemeral", seconds=30)
    await post.killed("op", lambda: post.calls("chat.postEphemeral"))
    await post.delivered("op")
    assert post.calls("chat.postEphemeral") == 1
    assert await post.states("op") == {"op/psst": "unknown"}


async def test_private_messages_keep_to_the_limit_and_hold_nothing_else_up(post: Post) -> None:
    """More of them at once than Slack takes; a 429 loses none."""
    ts, burst = await parent(post), int(TIERS["chat.postEphemeral"][0])
    post.speak("op", thread=ts)
    said = [f"psst{number}" for number in range(burst + 1)]
    await post.say("op", *said, private_to="U0ALICE")
    await post.say("op", "aloud")
    assert await post.replica().deliver("op") is not None
    assert await post.shown(thread=ts) == ["aloud"]
    assert post.calls("chat.postEphemeral") == burst
    post.local.fault("status", "chat.postEphemeral", status=429, retry_after=1, body={"ok": False, "error": "ratelimited"})
    await post.delivered("op")
    assert sorted(whispered(await post.local.messages(user="U0ALICE"))) == sorted(said)
    assert post.calls("chat.postEphemeral") == burst + 2
