"""The App Home tab: the same picture as the digest, for whoever opens it."""

from __future__ import annotations

from bot.lifecycle.digests import compose
from bot.operations.queries import glance
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Step


async def publish(op: Operation, do: Services) -> Outcome:
    """Draw it; an older view is simply replaced."""
    found = await do.ours()
    digest, status = await compose(do, found), await glance(op, do, found)
    view = {"type": "home", "blocks": [*digest.blocks, {"type": "divider"}, *status.blocks][:100]}
    await do.publish_home(op.user, view)
    return Done()


PUBLISH = Step("publish", publish)
