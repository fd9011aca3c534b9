"""The round that one of the workers makes every minute: idle pools, orphans. One LIST of the subscription serves both."""

from __future__ import annotations

import logging

from bot.approvals.rules import Policy
from bot.azure import tags
from bot.azure.clusters import list_all
from bot.errors import QuartermasterError
from bot.lifecycle import idling, orphans
from bot.operations.journal import Journal
from bot.operations.services import Services

log = logging.getLogger(__name__)


class Patrol:
    """Repeating a round changes nothing: what it begins is named after what it saw."""

    def __init__(self, do: Services, policy: Policy) -> None:
        self._do, self._policy = do, policy

    async def round(self) -> None:
        """Look, count, report. Nothing while the journal is being rebuilt: everything would look like an orphan."""
        if not await self._do.redis.exists(Journal.key("epoch")):
            return
        try:
            found = [one for one in await list_all(self._do.azure) if tags.ours(one.tags) or any(tags.ours(pool.tags) for pool in one.pools)]
        except QuartermasterError as error:
            log.info("the subscription could not be listed", extra={"cause": repr(error.__cause__ or error)})
            return
        active = await self._do.journal.active()
        await orphans.sweep(self._do, self._policy, found, active)
        await idling.look(self._do, self._policy.idle, found, active)
