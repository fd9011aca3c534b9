"""Reading back what was said: the journal is rebuilt with it, so one thread that Slack will not show must not hold up all the others."""

from __future__ import annotations

import pytest

from bot.errors import Temporary
from bot.slack.pacing import Pacing
from bot.slack.recall import CARD, Recall

from .conftest import Post


async def card(post: Post) -> str:
    """A card in the channel; its ts."""
    post.speak("op", card="the card")
    await post.delivered("op")
    return post.opened[0][1]


@pytest.mark.parametrize("error", ["access_denied", "thread_not_found", "missing_scope", "an_error_that_slack_has_added_since"])
async def test_a_thread_that_slack_will_not_show_is_unread_and_the_rebuilding_goes_on(post: Post, error: str) -> None:
    ts, recall = await card(post), Recall(post.local.client, Pacing(post.redis))
    post.local.fault("error", "conversations.", times=2, error=error)
    assert await recall.thread("C0GPU", ts) is None
    assert await recall.channel("C0GPU", 0.0) is None
    read = await recall.thread("C0GPU", ts)
    assert read is not None
    assert [(one.operation, one.entry) for one in read] == [("op", CARD)]


@pytest.mark.parametrize("error", ["invalid_auth", "token_revoked", "account_inactive"])
async def test_a_token_that_is_not_taken_makes_no_thread_unreadable(post: Post, error: str) -> None:
    """What is rebuilt without it would be said a second time."""
    ts, recall = await card(post), Recall(post.local.client, Pacing(post.redis))
    post.local.fault("error", "conversations.replies", error=error)
    with pytest.raises(Temporary):
        await recall.thread("C0GPU", ts)
    assert await recall.thread("C0GPU", ts)
    post.local.fault("error", "chat.update", error=error)
    with pytest.raises(Temporary):
        await recall.redraw("C0GPU", ts, "lost", [])


@pytest.mark.parametrize("effect", [{"effect": "error", "error": "internal_error"}, {"effect": "status", "status": 503}, {"effect": "ratelimited"}])
async def test_a_slack_that_stumbles_is_asked_again(post: Post, effect: dict[str, object]) -> None:
    ts, recall = await card(post), Recall(post.local.client, Pacing(post.redis))
    post.local.fault(match="conversations.replies", **effect)  # type: ignore[arg-type]
    assert await recall.thread("C0GPU", ts)
