"""The step that reads the Job manifest that somebody attached to a message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot import secrets
from bot.cluster.pasted import MAX_MANIFEST
from bot.errors import Refused
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Step

Fetch = Callable[[Mapping[str, Any], int], Awaitable[bytes]]


def attached_step(fetch: Fetch) -> Step:
    """The step, bound to what fetches files; it does nothing for a request without one."""

    async def attached(op: Operation, do: Services) -> Outcome:
        file = op.values.get("file")
        if not file:
            return Done()
        content = await fetch(file, MAX_MANIFEST)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refused("cluster.manifest", problem="the file is not text in UTF-8") from error
        if (name := secrets.within(text)) is not None:
            raise Refused("commands.secret_value", value=name)
        values = {name: value for name, value in op.values.items() if name != "file"}
        return Done(memo={"resolved": {**values, "manifest": text}})

    return Step("attached", attached)
