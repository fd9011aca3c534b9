"""The working process: runs operations, sends what they say, observes the cloud."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
from redis.exceptions import RedisError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import metrics
from bot.app.base import Base, opened
from bot.app.observed import timed
from bot.app.probes import REDIS_SECONDS, Readiness, Watchful, probes, redis_answers
from bot.approvals.audit import Audit
from bot.approvals.gate import Gate
from bot.approvals.paying import Paying
from bot.approvals.steps import Gates, unreachable
from bot.approvals.trail import Trail
from bot.azure.connection import Connection, Sent
from bot.azure.listing import Listing
from bot.azure.observer import BURST, READS_PER_SECOND, Observer, TokenBucket
from bot.azure.prices import PriceList
from bot.azure.skus import SkuCatalogue
from bot.calls import OPERATION, Call, answered
from bot.cluster.templates import load_templates
from bot.errors import Temporary
from bot.kinds import kinds
from bot.lifecycle.adoption import Adoption
from bot.lifecycle.observing import Observing
from bot.lifecycle.patrol import Patrol
from bot.operations.engine import Engine
from bot.operations.journal import Journal
from bot.operations.present import card
from bot.operations.record import DENIED, REFUSED, Operation
from bot.operations.services import Clusters, Services
from bot.operations.waiting import Waiting
from bot.operations.waking import Lane, Waking
from bot.plans.mending import ending
from bot.settings import Settings
from bot.slack.asking import Asking
from bot.slack.client import UNKNOWN_OUTCOME, error_name, open_session, retry_after, web_client
from bot.slack.files import Files
from bot.slack.outbox import Outbox
from bot.slack.pacing import Pacing
from bot.slack.people import People
from bot.slack.posts import Addressee
from bot.slack.recall import Recall
from bot.store import patient, text

log = logging.getLogger(__name__)
SLOTS: Final = 64
SENDING_SLOTS: Final = 16
ASKING_SLOTS: Final = 16
"""Of these, for messages, and for steps that ask Slack something: a Slack that hangs must not take the slots of other operations."""
DRAIN_SECONDS: Final = 10.0


def noted(sent: Sent) -> None:
    """One request to ARM, for the counts, the log and the trace."""
    answered("arm", sent.method, Call(metrics.result_of(sent.status), sent.request_id, str(sent.status or "")), sent.seconds, sent.path)


class Worker:
    """The working side: runs operations, sends what they say, observes the cloud."""

    def __init__(self, base: Base, waking: Waking, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
        settings, redis = base.settings, base.redis
        self._base, self._waking = base, waking
        self.trail = Trail(Audit(redis, base.clock), base.journal, base.clock)
        self.azure = Connection(
            subscription_id=settings.azure.subscription_id, base_url=settings.azure.arm_base_url, request_log=noted,
            before_write=self.trail.write,
        )  # fmt: skip
        reads = TokenBucket(READS_PER_SECOND, BURST)
        metrics.READS_LEFT.set_function(lambda: reads.level)
        self._watchful = Watchful()
        self._prices = PriceList(base.clock, url=settings.azure.prices_url)
        self._clusters = Clusters(self.azure, before_write=self.trail.write)
        gate = Gate.open(settings.policy, base.clock)
        pacing = Pacing(redis, settings.slack.granted)
        self._client, self._pacing, self._asking = client, pacing, Asking(ASKING_SLOTS)
        self.services = Services(
            settings=settings, clock=base.clock, redis=redis, journal=base.journal, waiting=Waiting(redis, base.journal), waking=waking,
            azure=self.azure, prices=self._prices, skus=SkuCatalogue(self.azure, base.clock), observer=Observer(self.azure, bucket=reads),
            listing=Listing(self.azure), clusters=self._clusters, templates=load_templates(settings.templates),
            publish_home=self._publish_home, warn_before=gate.policy.limits.warn_before,
        )  # fmt: skip
        people, files = People(redis, client, self._asking), Files(client, session, self._asking)
        known = kinds(gate.policy, Gates(gate, people), files.fetch, Paying(gate.policy))
        self._kinds = timed(self.trail.traced(known))
        self.engine = Engine(base.journal, self.services, self._kinds, ending)
        self.outbox = Outbox(
            redis, client, session, pacing, lookup=self._addressee, opened=self._opened, unreachable=self._unreachable,
            settle=settings.engine.settle, lease=1.5 * settings.engine.lease, replicas=settings.redis_replicas, ahead=base.clock.ahead,
        )  # fmt: skip
        self._sending = Lane(SENDING_SLOTS, self._send)
        self.observing = Observing(self.services)
        self.patrol = Patrol(self.services, gate.policy)
        self.adoption = Adoption(self.services, Recall(client, pacing), gate.policy)

    async def handle(self, subject: str) -> None:
        """What docket calls: ``op:<id>`` runs an operation, ``out:<id>`` sends what it says."""
        lane, _, name = subject.partition(":")
        OPERATION.set(name)
        if lane == "op":
            await self.engine.handle(name)
            await self.trail.settle(name)
        elif lane == "out":
            await self._sending.handle(name)
        else:
            log.error("woken for something unknown", extra={"subject": subject})

    async def _send(self, op_id: str) -> None:
        again = await self.outbox.deliver(op_id)
        if again is not None:
            await self._waking.wake(f"out:{op_id}", again)

    async def ready(self) -> Readiness:
        """Redis, and whether Azure is observed where somebody waits for it."""
        readiness = Readiness()
        await redis_answers(self._base.redis, readiness)
        age = await self._observation() if not readiness.why else None
        limit = max(60.0, 6 * self._base.settings.engine.observe)
        readiness.note("observation_age_seconds", age, age is None or age < limit, "operations wait and Azure was not observed for too long")
        return readiness

    async def gauges(self) -> None:
        """What is only known when somebody asks."""
        for name, left in self.azure.meter.remaining.items():
            if name in metrics.ARM_LIMITS:
                metrics.ARM_LEFT.labels(name).set(left)
        with contextlib.suppress(RedisError, TimeoutError):
            async with asyncio.timeout(REDIS_SECONDS):
                metrics.OBSERVED.set(await self._observation() or 0.0)

    async def _observation(self) -> float | None:
        names = await self.services.waiting.names("azure:")
        seen = await self._base.redis.hmget(Journal.key("seen"), names) if names else []
        age = self._watchful.age(bool(names), max((float(text(at)) for at in seen if at is not None), default=None))
        return None if age is None else round(age, 1)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; then finish what runs, and give the rest back."""
        engine = self._base.settings.engine
        self._waking.every("sweep", engine.sweep, self.engine.sweep)
        self._waking.every("audit", engine.sweep, self.trail.settle_owed)
        self._waking.every("patrol", engine.patrol, self.patrol.round)
        working = asyncio.create_task(self._waking.run(slots=SLOTS, redelivery=engine.lease))
        watching = asyncio.create_task(self.observing.watch(stop))
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
            await self._waking.wake(f"op:{op_id}")

    async def _unreachable(self, op_id: str, reason: str) -> None:
        """The channel cannot be written to: the operation ends, or if it has ended, its person is told privately."""
        result = await self._base.journal.poke(op_id, {"undeliverable": reason}, first=True)
        if result == "written":
            await self._waking.wake(f"op:{op_id}")
        op = await self._base.journal.load(op_id)
        if result == "ended" and op is not None:
            await self._base.redis.hset(Journal.key("op", op_id), "undeliverable", reason)
            payload = {"text": str(unreachable(reason)), "private_to": op.user}
            if await self._base.journal.tell(op_id, f"{op_id}/unreachable", payload):
                await self._waking.wake(f"out:{op_id}")

    async def _publish_home(self, user: str, view: dict[str, Any]) -> None:
        wait = await self._pacing.take("views.publish")
        if wait:
            raise Temporary("slack.unreadable", retry_after=wait, what="the Home tab", error="paced")
        try:
            with self._asking.one("the Home tab"):
                await self._client.views_publish(user_id=user, view=view)
        except SlackApiError as error:
            raise Temporary("slack.unreadable", retry_after=retry_after(error), what="the Home tab", error=error_name(error)) from error
        except UNKNOWN_OUTCOME as error:
            raise Temporary("slack.unreadable", what="the Home tab", error="no answer") from error


@contextlib.asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    """The working side, opened."""
    held: list[Worker] = []

    async def handle(subject: str) -> None:
        await held[0].handle(subject)

    waking = Waking(settings.redis_url.reveal(), handle)
    async with opened(settings, patient(settings), rings=False) as base, waking, open_session() as session:
        held.append(Worker(base, waking, web_client(settings.slack, session), session))
        async with probes(settings.probe_port, held[0].ready, held[0].gauges):
            yield held[0]
