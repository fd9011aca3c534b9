"""Posting, editing, threads: what Slack keeps, drops, cuts and refuses."""

from __future__ import annotations

from .local import Json, Local, wait_until

SECTION: list[Json] = [{"type": "section", "block_id": "one", "text": {"type": "mrkdwn", "text": "*blocks*"}}]
META: Json = {"event_type": "operation", "event_payload": {"id": "op-1"}}


async def test_text_without_blocks_drops_the_blocks(local: Local) -> None:
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="a", blocks=SECTION))["ts"]
    await local.client.chat_update(channel="C0GPU", ts=ts, text="b")
    row = (await local.messages())[0]
    assert (row["text"], row["blocks"], row["edited"], row["edits"]) == ("b", [], True, 1)


async def test_an_edit_with_blocks_leaves_no_mark(local: Local) -> None:
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="a"))["ts"]
    await local.client.chat_update(channel="C0GPU", ts=ts, text="b", blocks=SECTION)
    row = (await local.messages())[0]
    assert (row["edited"], row["edits"], len(row["blocks"])) == (False, 1, 1)


async def test_metadata_is_kept_by_an_edit_and_shown_only_when_asked_for(local: Local) -> None:
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="a", metadata=META))["ts"]
    await local.client.chat_update(channel="C0GPU", ts=ts, text="b")
    plain = await local.client.conversations_history(channel="C0GPU")
    asked = await local.client.conversations_history(channel="C0GPU", include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert asked["messages"][0]["metadata"] == META
    await local.client.chat_update(channel="C0GPU", ts=ts, text="b", metadata={})
    assert (await local.messages())[0]["metadata"] is None


async def test_rich_text_cannot_become_something_else(local: Local) -> None:
    rich = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "hi"}]}]}]
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="a", blocks=rich))["ts"]
    assert await local.refusal(local.client.chat_update(channel="C0GPU", ts=ts, text="b", blocks=SECTION)) == "block_mismatch"


async def test_text_over_forty_thousand_is_cut_with_a_warning(local: Local) -> None:
    answer = await local.client.chat_postMessage(channel="C0GPU", text="x" * 40_001)
    assert answer["response_metadata"]["warnings"] == ["message_truncated"]
    assert len((await local.messages())[0]["text"]) == 40_000


async def test_a_thread_hangs_under_a_parent_and_nothing_else(local: Local) -> None:
    parent = (await local.client.chat_postMessage(channel="C0GPU", text="card"))["ts"]
    reply = (await local.client.chat_postMessage(channel="C0GPU", text="step", thread_ts=parent))["ts"]
    for wrong in (reply, "1700000000.000001", "nonsense"):
        assert await local.refusal(local.client.chat_postMessage(channel="C0GPU", text="x", thread_ts=wrong)) == "cannot_reply_to_message"
    thread = await local.client.conversations_replies(channel="C0GPU", ts=parent)
    assert [message["text"] for message in thread["messages"]] == ["card", "step"]
    assert thread["messages"][0]["reply_count"] == 1
    alone = await local.client.conversations_replies(channel="C0GPU", ts=reply)
    assert [message["text"] for message in alone["messages"]] == ["step"]


async def test_history_has_no_replies_but_broadcast_ones(local: Local) -> None:
    parent = (await local.client.chat_postMessage(channel="C0GPU", text="card"))["ts"]
    await local.client.chat_postMessage(channel="C0GPU", text="quiet", thread_ts=parent)
    await local.client.chat_postMessage(channel="C0GPU", text="loud", thread_ts=parent, reply_broadcast=True)
    answer = await local.client.conversations_history(channel="C0GPU")
    assert [message["text"] for message in answer["messages"]] == ["loud", "card"]


async def test_history_is_read_in_pages(local: Local) -> None:
    for number in range(3):
        await local.post("messages", user="U0ALICE", channel="C0GPU", text=str(number))
    first = await local.client.conversations_history(channel="C0GPU", limit=2)
    rest = await local.client.conversations_history(channel="C0GPU", limit=2, cursor=first["response_metadata"]["next_cursor"])
    assert [m["text"] for m in [*first["messages"], *rest["messages"]]] == ["2", "1", "0"]
    assert (first["has_more"], rest["has_more"]) == (True, False)


async def test_channels_without_the_bot_are_closed_until_it_is_invited(local: Local) -> None:
    assert await local.refusal(local.client.chat_postMessage(channel="C0RANDOM", text="x")) == "not_in_channel"
    await local.post("kick", channel="G0OPS")
    assert await local.refusal(local.client.chat_postMessage(channel="G0OPS", text="x")) == "channel_not_found"
    assert await local.refusal(local.client.conversations_info(channel="G0OPS")) == "channel_not_found"
    await local.post("invite", channel="C0RANDOM")
    assert (await local.client.chat_postMessage(channel="C0RANDOM", text="x"))["ok"]


async def test_write_public_opens_public_channels_only(local: Local) -> None:
    await local.post("scopes", add=["chat:write.public"])
    await local.post("kick", channel="G0OPS")
    assert (await local.client.chat_postMessage(channel="C0RANDOM", text="x"))["ok"]
    assert await local.refusal(local.client.chat_postMessage(channel="G0OPS", text="x")) == "channel_not_found"


async def test_a_user_id_means_the_direct_conversation(local: Local) -> None:
    answer = await local.client.chat_postMessage(channel="U0ALICE", text="psst")
    assert answer["channel"] == (await local.client.conversations_open(users="U0ALICE"))["channel"]["id"]


async def test_a_deleted_message_is_gone_for_the_api(local: Local) -> None:
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="a"))["ts"]
    await local.client.chat_delete(channel="C0GPU", ts=ts)
    assert (await local.client.conversations_history(channel="C0GPU"))["messages"] == []
    assert await local.refusal(local.client.chat_update(channel="C0GPU", ts=ts, text="b")) == "message_not_found"
    assert await local.refusal(local.client.chat_postMessage(channel="C0GPU", text="x", thread_ts=ts)) == "cannot_reply_to_message"


async def test_timestamps_never_repeat_even_when_the_clock_stands(local: Local) -> None:
    stamps = [local.workspace.timestamps.next() for _ in range(1000)]
    assert sorted(set(stamps)) == stamps


async def test_a_scheduled_message_waits_for_the_clock(local: Local) -> None:
    await local.client.chat_scheduleMessage(channel="C0GPU", text="later", post_at=int(local.clock.now()) + 3600)
    assert await local.messages() == []
    local.clock.advance(3601)
    assert (await wait_until(local.messages))[0]["text"] == "later"


async def test_the_thread_status_goes_with_the_next_message(local: Local) -> None:
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="card"))["ts"]
    await local.client.assistant_threads_setStatus(channel_id="C0GPU", thread_ts=ts, status="is provisioning…")
    assert (await local.messages())[0]["status"] == "is provisioning…"
    await local.client.chat_postMessage(channel="C0GPU", text="done", thread_ts=ts)
    assert (await local.messages())[0]["status"] == ""


async def test_the_thread_status_goes_after_two_minutes(local: Local) -> None:
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="card"))["ts"]
    await local.client.assistant_threads_setStatus(channel_id="C0GPU", thread_ts=ts, status="is provisioning…")
    local.clock.advance(119)
    assert (await local.messages())[0]["status"] == "is provisioning…"
    local.clock.advance(2)
    assert (await local.messages())[0]["status"] == ""


async def test_an_edit_comes_too_late_where_the_workspace_says_so(local: Local) -> None:
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="card"))["ts"]
    local.clock.advance(86_400)
    assert (await local.client.chat_update(channel="C0GPU", ts=ts, text="a day later"))["ok"]
    assert (await local.post("workspace", edit_seconds=300))["ok"]
    assert await local.refusal(local.client.chat_update(channel="C0GPU", ts=ts, text="later still")) == "edit_window_closed"
    fresh = (await local.client.chat_postMessage(channel="C0GPU", text="card"))["ts"]
    assert (await local.client.chat_update(channel="C0GPU", ts=fresh, text="in time"))["ok"]


async def test_an_archived_channel_takes_no_post_and_no_edit(local: Local) -> None:
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="card"))["ts"]
    assert (await local.post("archive", channel="C0GPU"))["ok"]
    assert await local.refusal(local.client.chat_postMessage(channel="C0GPU", text="x")) == "is_archived"
    assert await local.refusal(local.client.chat_update(channel="C0GPU", ts=ts, text="x")) == "is_inactive"
    assert (await local.post("archive", channel="C0GPU", archived=False))["ok"]
    assert (await local.client.chat_update(channel="C0GPU", ts=ts, text="x"))["ok"]


async def test_the_same_reaction_is_added_once(local: Local) -> None:
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="card"))["ts"]
    await local.client.reactions_add(channel="C0GPU", timestamp=ts, name="eyes")
    assert await local.refusal(local.client.reactions_add(channel="C0GPU", timestamp=ts, name="eyes")) == "already_reacted"
    assert (await local.messages())[0]["reactions"] == {"eyes": ["U0QM"]}


async def test_what_people_type_reaches_apps_escaped(local: Local) -> None:
    await local.post("messages", user="U0ALICE", channel="C0GPU", text="<@U0BOB> a < b && see https://example.org/x")
    shown = (await local.client.conversations_history(channel="C0GPU"))["messages"][0]["text"]
    assert shown == "<@U0BOB> a &lt; b &amp;&amp; see <https://example.org/x>"


async def test_a_guest_and_a_stranger_are_recognisable(local: Local) -> None:
    gina = (await local.client.users_info(user="U0GINA"))["user"]
    xavi = (await local.client.users_info(user="U0XAVI"))["user"]
    assert (gina["is_restricted"], gina["is_ultra_restricted"], gina["team_id"]) == (True, False, "T0PLAYGROUND")
    assert (xavi["is_stranger"], xavi["team_id"]) == (True, "T0PARTNER")
