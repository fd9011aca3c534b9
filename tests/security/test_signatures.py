"""Nobody but Slack is heard: signatures over the raw body, a clock, and no way around them (Slack: verifying requests)."""

from __future__ import annotations

import hashlib
import hmac
import math
import time
import urllib.error
import urllib.request
from urllib.parse import urlencode

import pytest

from tests.playing import Playing, wait_until

BODY = urlencode({
    "command": "/gpu", "text": "cluster create forged --for 1h", "team_id": "T0PLAYGROUND", "user_id": "U0CAROL", "channel_id": "C0GPU",
    "trigger_id": "1.2.3", "response_url": "http://127.0.0.1:9/",
})  # fmt: skip


FORM = "application/x-www-form-urlencoded"


def sent(play: Playing, body: str, stamp: str | None, signature: str | None, kind: str = FORM, port: int = 0) -> int:
    """Post it as Slack would; the status."""
    headers = {"Content-Type": kind}
    headers |= {"X-Slack-Request-Timestamp": stamp} if stamp is not None else {}
    headers |= {"X-Slack-Signature": signature} if signature is not None else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port or play.ready['env']['PORT']}/slack/events", data=body.encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def signed(secret: str, stamp: str, body: str) -> str:
    return "v0=" + hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()


def now(offset: float = 0.0) -> str:
    """A time stamp; rounded away from now, since it is a little later when it is read."""
    return str(math.ceil(time.time() + offset) if offset > 0 else int(time.time() + offset))


def test_a_true_signature_is_heard(play: Playing) -> None:
    body = BODY.replace("cluster+create+forged+--for+1h", "help")
    stamp = now()
    assert sent(play, body, stamp, signed(play.ready["env"]["SLACK_SIGNING_SECRET"], stamp, body)) == 200


@pytest.mark.parametrize("offset", [-299, 299], ids=["299 s old", "299 s ahead"])
def test_a_request_within_five_minutes_is_heard(play: Playing, offset: int) -> None:
    body, secret = BODY.replace("cluster+create+forged+--for+1h", "help"), play.ready["env"]["SLACK_SIGNING_SECRET"]

    def heard() -> bool:
        stamp = str(round(time.time() + offset))  # stamped anew each time: a machine that is slow by a second proves nothing
        return sent(play, body, stamp, signed(secret, stamp, body)) == 200

    wait_until(heard, 10, f"a request stamped {offset} s from now to be heard")


@pytest.mark.parametrize("offset", [-301, -3600, 301, 86400], ids=["301 s old", "an hour old", "301 s ahead", "a day ahead"])
def test_a_recorded_request_is_not_heard_again(play: Playing, offset: float) -> None:
    stamp = now(offset)
    assert sent(play, BODY, stamp, signed(play.ready["env"]["SLACK_SIGNING_SECRET"], stamp, BODY)) == 401


def test_forged_and_altered_requests_are_refused_and_leave_no_trace(play: Playing) -> None:
    secret, stamp = play.ready["env"]["SLACK_SIGNING_SECRET"], now()
    true = signed(secret, stamp, BODY)
    tries = [
        (BODY, stamp, None), (BODY, None, true), (BODY, stamp, ""), (BODY, stamp, "v0="), (BODY, stamp, true[:-1]),
        (BODY, stamp, true.replace("v0=", "v1=")),
        (BODY, stamp, signed("wrong", stamp, BODY)), (BODY, stamp, signed("", stamp, BODY)), (BODY + "&x=1", stamp, true), (BODY, now(1), true),
        (BODY, "", true), (BODY, "never", true), (BODY, "-1", true), (BODY.replace("U0CAROL", "U0ALICE"), stamp, true),
    ]  # fmt: skip
    assert [sent(play, *one) for one in tries] == [401] * len(tries)
    assert not play.writes("azure", "forged")
    assert not any("forged" in str(one) for one in play.messages())


def test_in_socket_mode_the_http_door_hears_nobody_without_a_signature(play: Playing, socket_port: int) -> None:
    """It stays open beside the socket, so that a change of mode loses nothing: then the same has to hold there."""
    stamp = now()
    tries: list[tuple[str | None, str | None]] = [(None, None), (stamp, None), (stamp, signed("wrong", stamp, BODY)), (stamp, "v0=")]
    assert [sent(play, BODY, *one, port=socket_port) for one in tries] == [401] * len(tries)
    old = now(-301)
    assert sent(play, BODY, old, signed(play.ready["env"]["SLACK_SIGNING_SECRET"], old, BODY), port=socket_port) == 401
    assert not any("forged" in str(one) for one in play.messages())
