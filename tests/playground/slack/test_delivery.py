"""What reaches the app over HTTP: signed, in time, events again and again, commands never twice."""

from __future__ import annotations

import pytest
from slack_sdk.signature import SignatureVerifier

from playground.clock import LOOK_SECONDS

from .local import Json, Local, wait_until
from .receiver import Receiver, Reply

COMMAND: Json = {"user": "U0ALICE", "channel": "C0GPU", "text": "status"}


async def arrived(app: Receiver, count: int) -> bool:
    return len(app.delivered) >= count


async def test_every_delivery_is_signed_over_its_raw_body(local: Local, app: Receiver) -> None:
    await local.post("commands", **COMMAND)
    await local.post("mentions", user="U0ALICE", channel="C0GPU", text="ünïcode & more")
    await wait_until(lambda: arrived(app, 2))
    verifier = SignatureVerifier(local.workspace.signing_secret)
    for request in app.delivered:
        assert verifier.is_valid_request(request.raw.decode(), request.headers)
        assert not verifier.is_valid_request(request.raw.decode() + " ", request.headers)


async def test_a_command_carries_what_slack_sends_and_no_thread(local: Local, app: Receiver) -> None:
    await local.post("commands", **COMMAND)
    payload = app.delivered[0].payload
    assert set(payload) == {
        "token", "team_id", "team_domain", "channel_id", "channel_name", "user_id", "user_name", "command", "text", "api_app_id",
        "is_enterprise_install", "response_url", "trigger_id",
    }  # fmt: skip
    await local.post("commands", user="U0BOB", channel="G0OPS", text="x")
    assert app.delivered[1].payload["channel_name"] == "privategroup"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(status=500), "dispatch_failed"),
        (Reply(status=302), "dispatch_failed"),
        (Reply(body='{"blocks": [{"type": "nope"}]}'), "invalid_command_response"),
    ],
)
async def test_a_broken_answer_is_told_to_the_person_and_never_retried(local: Local, app: Receiver, reply: Reply, error: str) -> None:
    app.reply = lambda _: reply
    answer = await local.post("commands", **COMMAND)
    assert (answer["ok"], answer["error"]) == (False, error)
    assert error in (await local.messages(user="U0ALICE"))[0]["text"]
    assert len(app.delivered) == 1


async def test_nobody_listening_is_dispatch_failed(local: Local, app: Receiver) -> None:
    await app.stop()
    assert (await local.post("commands", **COMMAND))["error"] == "dispatch_failed"
    await local.post("delivery", mode="socket")
    assert (await local.post("commands", **COMMAND))["error"] == "dispatch_failed"


async def test_json_and_plain_text_acks_are_both_shown(local: Local, app: Receiver) -> None:
    app.reply = lambda _: Reply(body="plain")
    assert (await local.post("commands", **COMMAND))["ack"]["text"] == "plain"
    app.reply = lambda _: Reply(body='{"text": "json", "response_type": "in_channel"}', content_type="application/json")
    assert (await local.post("commands", **COMMAND))["ack"]["response_type"] == "in_channel"
    app.reply = lambda _: Reply()
    assert (await local.post("commands", **COMMAND))["ack"]["text"] is None


async def test_commands_that_the_app_does_not_have_are_not_delivered(local: Local, app: Receiver) -> None:
    assert (await local.post("commands", **COMMAND, command="/other"))["error"] == "unknown_command"
    assert (await local.post("commands", **(COMMAND | {"channel": "G0OPS"})))["error"] == "not_in_channel"
    assert app.delivered == []


async def test_an_event_is_told_again_until_it_is_taken(local: Local, app: Receiver) -> None:
    app.reply = lambda _: Reply(status=500 if len(app.delivered) < 3 else 200)
    await local.post("mentions", user="U0ALICE", channel="C0GPU", text="status")
    await wait_until(lambda: arrived(app, 3))
    numbers = [request.headers.get("X-Slack-Retry-Num") for request in app.delivered]
    assert numbers == [None, "1", "2"]
    assert app.delivered[1].headers["X-Slack-Retry-Reason"] == "http_error"
    assert len({request.payload["event_id"] for request in app.delivered}) == 1


async def test_the_second_retry_takes_a_minute_and_the_third_five(local: Local, app: Receiver) -> None:
    local.clock.speed = 1.0
    app.reply = lambda payload: Reply(status=500 if payload["event"]["type"] == "app_mention" else 200)
    await local.post("mentions", user="U0ALICE", channel="C0GPU", text="status")
    for count, seconds in ((2, 60), (3, 300)):
        await wait_until(lambda count=count: told(app, count))  # type: ignore[misc]
        local.clock.advance(seconds - 5)
        looked = local.clock.now() + 2 * LOOK_SECONDS
        await wait_until(lambda looked=looked: later(local, looked))  # type: ignore[misc]
        assert await told(app, count)
        local.clock.advance(5)
    await wait_until(lambda: told(app, 4))


async def later(local: Local, moment: float) -> bool:
    return local.clock.now() > moment


async def told(app: Receiver, count: int) -> bool:
    return [request.payload["event"]["type"] for request in app.delivered].count("app_mention") == count


async def test_after_three_retries_slack_gives_up(local: Local, app: Receiver) -> None:
    app.reply = lambda _: Reply(status=500)
    await local.post("mentions", user="U0ALICE", channel="C0GPU", text="status")
    await wait_until(lambda: arrived(app, 4))
    await local.post("home", user="U0ALICE")
    await wait_until(lambda: arrived(app, 5))
    assert [request.payload["event"]["type"] for request in app.delivered[:5]].count("app_mention") == 4


async def test_no_retry_is_respected(local: Local, app: Receiver) -> None:
    app.reply = lambda payload: Reply(status=500, headers={"X-Slack-No-Retry": "1"} if payload["event"]["type"] == "app_mention" else None)
    await local.post("mentions", user="U0ALICE", channel="C0GPU", text="status")
    await wait_until(lambda: arrived(app, 1))
    await local.post("home", user="U0ALICE")
    await wait_until(lambda: arrived(app, 3))
    assert [request.payload["event"]["type"] for request in app.delivered[:3]] == ["app_mention", "app_home_opened", "app_home_opened"]


async def test_an_event_taken_may_still_come_again(local: Local, app: Receiver) -> None:
    local.fault("redeliver", "app_mention")
    await local.post("mentions", user="U0ALICE", channel="C0GPU", text="status")
    await wait_until(lambda: arrived(app, 2))
    assert app.delivered[0].payload["event_id"] == app.delivered[1].payload["event_id"]
    assert app.delivered[1].headers["X-Slack-Retry-Reason"] == "http_timeout"


async def test_a_command_may_be_delivered_twice_on_demand(local: Local, app: Receiver) -> None:
    local.fault("deliver_twice", "slash_commands /gpu")
    await local.post("commands", **COMMAND)
    assert [request.payload["trigger_id"] for request in app.delivered] == [app.delivered[0].payload["trigger_id"]] * 2


async def test_events_need_subscription_scope_and_membership(local: Local, app: Receiver) -> None:
    await local.post("messages", user="U0ALICE", channel="C0GPU", text="not a mention")
    await local.post("mentions", user="U0ALICE", channel="C0RANDOM", text="the bot is not here")
    await local.post("scopes", remove=["app_mentions:read"])
    await local.post("mentions", user="U0ALICE", channel="C0GPU", text="status")
    direct = (await local.post("direct", user="U0ALICE"))["channel"]
    await local.post("messages", user="U0ALICE", channel=direct, text="hello")
    await wait_until(lambda: arrived(app, 1))
    assert [request.payload["event"]["channel_type"] for request in app.delivered] == ["im"]


async def test_response_url_works_without_membership_and_five_times(local: Local, app: Receiver) -> None:
    await local.post("commands", user="U0ALICE", channel="C0RANDOM", text="x")
    url = app.delivered[0].payload["response_url"]
    for number in range(5):
        async with local.session.post(url, json={"text": str(number), "response_type": "in_channel"}) as answer:
            assert answer.status == 200
    async with local.session.post(url, json={"text": "six"}) as answer:
        assert (answer.status, (await answer.json())["error"]) == (404, "used_url")
    assert len(await local.messages("C0RANDOM")) == 5


async def test_response_url_is_not_held_to_the_total_size(local: Local, app: Receiver) -> None:
    await local.post("commands", **COMMAND)
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}
    async with local.session.post(app.delivered[0].payload["response_url"], json={"blocks": [block] * 6}) as answer:
        assert answer.status == 200


async def test_an_ephemeral_with_buttons_is_replaced_through_its_response_url(local: Local, app: Receiver) -> None:
    blocks = [{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Yes"}, "action_id": "yes"}]}]
    ts = (await local.client.chat_postEphemeral(channel="C0GPU", user="U0ALICE", text="sure?", blocks=blocks))["message_ts"]
    await local.post("actions", user="U0ALICE", channel="C0GPU", ts=ts, action_id="yes")
    url = app.delivered[0].payload["response_url"]
    async with local.session.post(url, json={"replace_original": True, "text": "done"}) as answer:
        assert answer.status == 200
    assert [(row["text"], row["blocks"]) for row in await local.messages(user="U0ALICE")] == [("done", [])]
