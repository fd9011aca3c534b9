"""The App Home tab: the same picture as the digest, for whoever opens it."""

from __future__ import annotations

from bot.lifecycle.digests import compose
from bot.operations.queries import status
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Step


async def publish(op: Operation, do: Services) -> Outcome:
    """Draw it; an older view is simply replaced."""
    digest, glance = await compose(do), await status(op, do)
    view = {"type": "home", "blocks": [*digest.blocks, {"type": "divider"}, *glance.blocks][:100]}
    await do.publish_home(op.user, view)
    return Done()


PUBLISH = Step("publish", publish)
