"""The one place where an error of a listener is told: in private words to the person, whole to the log."""

from __future__ import annotations

import logging
from typing import Any

from redis.exceptions import DataError, RedisError
from slack_bolt.response import BoltResponse

from bot.errors import QuartermasterError

log = logging.getLogger(__name__)

STORE_DOWN = "I cannot reach my state store right now, so *nothing was started*. Please try again in a minute."
UNEXPECTED = "Something went wrong on my side, and nothing was started. Please try again; if it stays like this, tell whoever runs me."


def _store_down(error: Exception) -> bool:
    """A DataError is the client's own: it was given something that Redis has no type for."""
    return isinstance(error, RedisError | TimeoutError | ConnectionError) and not isinstance(error, DataError)


def sentence(error: Exception) -> str:
    """What a person reads of an error."""
    if isinstance(error, QuartermasterError):
        return str(error)
    return STORE_DOWN if _store_down(error) else UNEXPECTED


async def tell(error: Exception, body: dict[str, Any]) -> BoltResponse:
    """Bolt's error handler. A command is told in its ack, a modal in its first field.

    What has no words in its ack gets no ack (Bolt sends one for a 200 only, over Socket Mode too), since that would say that it counted: Slack
    shows a click as failed and delivers an event again. Both are safe: a request is written once.
    """
    expected = isinstance(error, QuartermasterError) or _store_down(error)
    log.log(logging.WARNING if expected else logging.ERROR, "listener failed", exc_info=error, extra={"type": body.get("type", "command")})
    if "command" in body:
        return BoltResponse(status=200, body={"response_type": "ephemeral", "text": sentence(error)})
    if body.get("type") == "view_submission":
        blocks = [block["block_id"] for block in body["view"]["blocks"] if block["type"] == "input"]
        if blocks:
            return BoltResponse(status=200, body={"response_action": "errors", "errors": {blocks[0]: sentence(error)}})
    return BoltResponse(status=503 if _store_down(error) else 500)
