"""The working process: runs operations, sends what they say, observes the cloud."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.app.base import Base, opened
from bot.approvals.audit import Audit
from bot.approvals.gate import Gate
from bot.approvals.paying import Paying
from bot.approvals.steps import Gates, unreachable
from bot.approvals.trail import Trail
from bot.azure.connection import Connection
from bot.azure.observer import Observer
from bot.azure.prices import PriceList
from bot.azure.skus import SkuCatalogue
from bot.cluster.templates import load_templates
from bot.errors import Temporary
from bot.kinds import kinds
from bot.lifecycle.adoption import Adoption
from bot.lifecycle.observing import Observing
from bot.lifecycle.patrol import Patrol
from bot.operations.engine import Engine
from bot.operations.journal import Journal
from bot.operations.present import card, ending
from bot.operations.record import DENIED, REFUSED, Operation
from bot.operations.services import Clusters, Services
from bot.operations.waiting import Waiting
from bot.operations.waking import Waking
from bot.settings import Settings
from bot.slack.client import error_name, open_session, retry_after, web_client
from bot.slack.files import Files
from bot.slack.outbox import Addressee, Outbox
from bot.slack.pacing import Pacing
from bot.slack.people import People
from bot.slack.recall import Recall
from bot.store import patient, text

log = logging.getLogger(__name__)
SLOTS: Final = 64
DRAIN_SECONDS: Final = 10.0


class Worker:
    """The working side: runs operations, sends what they say, observes the cloud."""

    def __init__(self, base: Base, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
        settings, redis = base.settings, base.redis
        self._base = base
        self.trail = Trail(Audit(redis, base.clock), base.journal, base.clock)
        self.azure = Connection(
            subscription_id=settings.azure.subscription_id, base_url=settings.azure.arm_base_url, before_write=self.trail.write
        )
        self._prices = PriceList(base.clock, url=settings.azure.prices_url)
        self._clusters = Clusters(self.azure, before_write=self.trail.write)
        gate = Gate.open(settings.policy, base.clock)
        pacing = Pacing(redis, settings.slack.granted)
        self._client, self._pacing = client, pacing
        self.services = Services(
            settings=settings, clock=base.clock, redis=redis, journal=base.journal, waiting=Waiting(redis, base.journal), waking=base.waking,
            azure=self.azure, prices=self._prices, skus=SkuCatalogue(self.azure, base.clock), observer=Observer(self.azure), clusters=self._clusters,
            templates=load_templates(settings.templates), publish_home=self._publish_home, warn_before=gate.policy.limits.warn_before,
        )  # fmt: skip
        known = kinds(gate.policy, Gates(gate, People(redis, client)), Files(client, session).fetch, Paying(gate.policy))
        self._kinds = self.trail.traced(known)
        self.engine = Engine(base.journal, self.services, self._kinds, ending)
        self.outbox = Outbox(
            redis, client, session, pacing, lookup=self._addressee, opened=self._opened, unreachable=self._unreachable,
            settle=settings.engine.settle, lease=1.5 * settings.engine.lease, replicas=settings.redis_replicas, ahead=base.clock.ahead,
        )  # fmt: skip
        self.observing = Observing(self.services)
        self.patrol = Patrol(self.services, gate.policy)
        self.adoption = Adoption(self.services, Recall(client, pacing), gate.policy)

    async def handle(self, subject: str) -> None:
        """What docket calls: ``op:<id>`` runs an operation, ``out:<id>`` sends what it says."""
        lane, _, name = subject.partition(":")
        if lane == "op":
            await self.engine.handle(name)
            await self.trail.settle(name)
        elif lane == "out":
            again = await self.outbox.deliver(name)
            if again is not None:
                await self._base.waking.wake(subject, again)
        else:
            log.error("woken for something unknown", extra={"subject": subject})

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; then finish what runs, and give the rest back."""
        engine = self._base.settings.engine
        self._base.waking.every("sweep", engine.sweep, self.engine.sweep)
        self._base.waking.every("audit", engine.sweep, self.trail.settle_owed)
        self._base.waking.every("observe", engine.observe, self.observing.look_at_azure)
        self._base.waking.every("patrol", engine.patrol, self.patrol.round)
        working = asyncio.create_task(self._base.waking.run(slots=SLOTS, redelivery=engine.lease))
        watching = asyncio.create_task(self.observing.watch_clusters(stop))
        adopting = asyncio.create_task(self.adoption.watch(stop))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({working, watching, adopting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        working.cancel()
        for task in (working, watching, adopting):
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(task, DRAIN_SECONDS)
        self._clusters.close()
        await self._prices.close()
        await self.azure.close()

    async def _addressee(self, op_id: str) -> Addressee | None:
        op = await self._base.journal.load(op_id)
        if op is None or not op.channel:
            return None
        url = await self._base.redis.get(Journal.key("url", op_id))
        kind = self._kinds.get(op.kind)
        return Addressee(op.id, op.channel, op.user, op.thread, self._drawn(op) if kind else None, text(url) if url else "")

    def _drawn(self, op: Operation) -> Any:
        if op.undeliverable or (op.status in (REFUSED, DENIED) and not op.memo.get("admitted")):
            return None
        return card(op, self._kinds[op.kind])

    async def _opened(self, op_id: str, ts: str) -> None:
        op = await self._base.journal.load(op_id)
        if op is None:
            return
        await self._base.journal.keep_thread(op.channel, ts, op_id)
        if op.ended is not None:
            await self._base.redis.hset(Journal.key("op", op_id), "thread", ts)
        elif await self._base.journal.poke(op_id, {"thread": ts}, first=False) == "written":
            await self._base.waking.wake(f"op:{op_id}")

    async def _unreachable(self, op_id: str, reason: str) -> None:
        """The channel cannot be written to: the operation ends, or if it has ended, its person is told privately."""
        result = await self._base.journal.poke(op_id, {"undeliverable": reason}, first=True)
        if result == "written":
            await self._base.waking.wake(f"op:{op_id}")
        op = await self._base.journal.load(op_id)
        if result == "ended" and op is not None:
            await self._base.redis.hset(Journal.key("op", op_id), "undeliverable", reason)
            payload = {"text": str(unreachable(reason)), "private_to": op.user}
            if await self._base.journal.tell(op_id, f"{op_id}/unreachable", payload):
                await self._base.waking.wake(f"out:{op_id}")

    async def _publish_home(self, user: str, view: dict[str, Any]) -> None:
        wait = await self._pacing.take("views.publish")
        if wait:
            raise Temporary("slack.unreadable", retry_after=wait, what="the Home tab", error="paced")
        try:
            await self._client.views_publish(user_id=user, view=view)
        except SlackApiError as error:
            raise Temporary("slack.unreadable", retry_after=retry_after(error), what="the Home tab", error=error_name(error)) from error


@contextlib.asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    """The working side, opened."""
    held: list[Worker] = []

    async def handle(subject: str) -> None:
        await held[0].handle(subject)

    async with opened(settings, patient(settings), Waking(settings.redis_url.reveal(), handle)) as base, open_session() as session:
        held.append(Worker(base, web_client(settings.slack, session), session))
        yield held[0]
