"""The one place where an error of a listener is told: in private words to the person, whole to the log."""

from __future__ import annotations

import logging
from typing import Any

from redis.exceptions import RedisError
from slack_bolt.response import BoltResponse

from bot.errors import QuartermasterError

log = logging.getLogger(__name__)

STORE_DOWN = "I cannot reach my state store right now, so *nothing was started*. Please try again in a minute."
UNEXPECTED = "Something went wrong on my side, and nothing was started. Please try again; if it stays like this, tell whoever runs me."


def sentence(error: Exception) -> str:
    """What a person reads of an error."""
    if isinstance(error, QuartermasterError):
        return str(error)
    return STORE_DOWN if isinstance(error, RedisError | TimeoutError | ConnectionError) else UNEXPECTED


async def tell(error: Exception, body: dict[str, Any]) -> BoltResponse:
    """Bolt's error handler. A command is answered in its ack; an interaction has no text in its ack, so it is only logged."""
    expected = isinstance(error, QuartermasterError | RedisError)
    log.log(logging.WARNING if expected else logging.ERROR, "listener failed", exc_info=error, extra={"type": body.get("type", "command")})
    if "command" in body:
        return BoltResponse(status=200, body={"response_type": "ephemeral", "text": sentence(error)})
    if body.get("type") == "view_submission":
        blocks = [block["block_id"] for block in body["view"]["blocks"] if block["type"] == "input"]
        if blocks:
            return BoltResponse(status=200, body={"response_action": "errors", "errors": {blocks[0]: sentence(error)}})
    return BoltResponse(status=200)
