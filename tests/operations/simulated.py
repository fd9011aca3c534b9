"""Operations run by the real engine and journal against the simulated Azure over TLS; only the gates for people are left out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from redis.asyncio import Redis

from bot.approvals.policy import load
from bot.approvals.rules import Policy
from bot.azure import clusters, groups, pools, tags
from bot.azure.clusters import ClusterSpec, ClusterState
from bot.azure.connection import Connection
from bot.azure.listing import Listing
from bot.azure.observer import Observer
from bot.azure.operations import terminal
from bot.azure.pools import PoolState
from bot.azure.poolspec import PoolSpec
from bot.azure.prices import PriceList
from bot.azure.skus import SkuCatalogue
from bot.clock import Clock
from bot.errors import QuartermasterError, Refused
from bot.model import Plan
from bot.operations import adopting, changing
from bot.operations.engine import Engine
from bot.operations.journal import Journal, NewOperation
from bot.operations.present import ending, plan_message
from bot.operations.record import Operation, identity
from bot.operations.services import Clusters, Services
from bot.operations.steps import Done, Kind, Outcome, Step
from bot.operations.waiting import Waiting
from bot.operations.waking import Waking
from bot.plans import changing as plans
from bot.plans.adopting import adopt
from bot.settings import AzureSettings, Secret, Settings, SlackSettings
from bot.store import texts
from playground import azure
from playground.azure import prices
from playground.azure.state import Subscription
from playground.backend import NoClusters
from playground.clock import Clock as CloudClock
from playground.faults import Faults
from playground.realcluster import RealCluster
from playground.tls import certificate
from playground.traffic import Traffic

POLICY = Path(__file__).resolve().parents[2] / "playground" / "policy.toml"
LOOK_SECONDS = 0.04
"""Between two looks: as often as Azure bears for a second or two (AKS limits), whatever the machine."""
T4, T4_8, T4_16 = "Standard_NC4as_T4_v3", "Standard_NC8as_T4_v3", "Standard_NC16as_T4_v3"
Planning = Callable[[Operation, Services, Policy], Awaitable[Plan]]
GPU = {"cluster": "demo", "pool": "gpu"}
EXPIRES = "2099-01-01T00:00:00+00:00"


def planned(planning: Planning, policy: Policy) -> Step:
    """The step that plans, without the registry of plans."""

    async def step(op: Operation, do: Services) -> Outcome:
        made = await planning(op, do, policy)
        if made.blocked:
            raise Refused("plans.blocked", reasons=made.blocked, buttons=tuple(made.target.get("mend", ())))
        return Done(plan={**made.as_json(), "digest": made.digest}, say=(plan_message(made),))

    return Step("plan", step)


def compose(world: World) -> None:
    """The kinds that change what exists, without the gates for people."""
    for name, planning, steps, undo in (
        ("pool.scale", plans.pool_scale, changing.SCALE, changing.SCALE_UNDO),
        ("pool.stop", plans.pool_stop, changing.STOP, changing.POWER_UNDO),
        ("pool.start", plans.pool_start, changing.START, changing.POWER_UNDO),
        ("cluster.stop", plans.cluster_stop, changing.STOP, changing.POWER_UNDO),
        ("cluster.start", plans.cluster_start, changing.START, changing.POWER_UNDO),
        ("pool.abort", plans.pool_abort, changing.ABORT, ()),
        ("cluster.adopt", adopt, adopting.ADOPT, adopting.UNDO),
    ):
        world.kinds[name] = Kind(name, (planned(planning, world.policy), *steps), undo)


def plan(op: Operation) -> Mapping[str, Any]:
    """Its plan."""
    assert op.plan is not None, op.error
    return op.plan


def code(op: Operation) -> str:
    """The code of its error."""
    assert op.error is not None, op.status
    return str(op.error["code"])


def findings(op: Operation, severity: str) -> str:
    """What its plan remarks."""
    return "\n".join(one["text"] for one in plan(op)["findings"] if one["severity"] == severity)


@dataclass
class World:
    """A subscription, the services of a worker, and an engine. `seen` are the card's lines by operation, in order, each once."""

    state: Subscription
    faults: Faults
    traffic: Traffic
    clock: CloudClock
    do: Services
    policy: Policy
    kinds: dict[str, Kind]
    engine: Engine
    seen: dict[str, list[str]] = field(default_factory=dict)
    sent: list[tuple[str, dict[str, Any], Mapping[str, str]]] = field(default_factory=list)

    def bodies(self, part: str) -> list[tuple[dict[str, Any], Mapping[str, str]]]:
        """What Azure received in PUTs to a path that ends so: the JSON and the headers, oldest first."""
        return [(body, headers) for path, body, headers in self.sent if path.endswith(part)]

    def fault(self, effect: str, match: str = "", times: int = 1, **options: Any) -> None:
        """Something goes wrong in Azure."""
        self.faults.add({"service": "azure", "match": match, "effect": effect, "times": times, **options})

    def writes(self, part: str = "", method: str = "") -> list[str]:
        """Writes that Azure accepted, oldest first: method and path without query."""
        rows = [row for row in self.traffic.listed("azure") if row["method"] in ("PUT", "POST", "PATCH", "DELETE") and row["status"] < 300]
        lines = [f"{row['method']} {row['path'].partition('?')[0].partition('managedClusters/')[2] or row['path']}" for row in rows]
        return [line for line in lines if part in line and line.startswith(method) and "msi" not in line]

    async def begin(self, kind: str, user: str = "U0ALICE", **values: Any) -> str:
        """Write down a request; its id."""
        trigger = f"{kind}-{len(await self.do.journal.active())}-{json.dumps(values)}-{self.do.clock.now()}"
        new = NewOperation(
            id=identity(trigger), kind=kind, request={"kind": kind, "values": values}, team="T0", channel="C0GPU", user=user,
            idempotency=trigger, thread="1.0", memo={"admitted": True},
        )  # fmt: skip
        return await self.do.journal.create(new)

    async def look(self, op_id: str) -> Operation:
        """The record."""
        op = await self.do.journal.load(op_id)
        assert op is not None
        return op

    async def go(self, op_id: str, until: Callable[[Operation], bool] = lambda op: op.ended is not None) -> Operation:
        """Run an operation as if it were woken all the time, until it ended (or is as wanted)."""
        while not until(op := await self.look(op_id)):
            await self.engine.handle(op_id)
            now = str((await self.look(op_id)).memo.get("now") or "")
            lines = self.seen.setdefault(op_id, [])
            if now and now not in lines:
                lines.append(now)
            await asyncio.sleep(LOOK_SECONDS)
        return op

    async def killed(self, op_id: str) -> Operation:
        """Run an operation to its end in a process that dies after each step before it can write down what came of it; another one goes on."""
        while (op := await self.look(op_id)).ended is None:
            with contextlib.suppress(QuartermasterError):
                await self.kinds[op.kind].step(op.step).run(op, self.do)
            await self.engine.handle(op_id)
            await asyncio.sleep(LOOK_SECONDS)
        return op

    async def run(self, kind: str, **values: Any) -> Operation:
        """Ask, and run it to its end."""
        return await self.go(await self.begin(kind, **values))

    async def said(self, op: Operation) -> str:
        """Everything that the operation says in its thread, in order."""
        rows = texts(await self.do.redis.hgetall(Journal.key("out", op.id)))
        names = sorted((name for name in rows if name.startswith("m:")), key=lambda name: int(json.loads(rows[name])["seq"]))
        return "\n".join(json.dumps(json.loads(rows[f"p:{name}"]), ensure_ascii=False) for name in names)

    async def cancel(self, op_id: str, by: str = "U0ALICE") -> None:
        """A wish to stop it."""
        await self.do.journal.poke(op_id, {"cancel": json.dumps({"by": by, "at": self.do.clock.now()})}, first=True)

    async def cluster(self, name: str = "demo", group: str = "demo-rg") -> ClusterState | None:
        """The cluster as Azure shows it."""
        return await clusters.get(self.do.azure, group, name)

    async def pool(self, name: str = "gpu", cluster: str = "demo", group: str = "demo-rg") -> PoolState | None:
        """The pool as Azure shows it."""
        return await pools.get(self.do.azure, group, cluster, name)

    async def quiet(self, name: str = "gpu") -> PoolState:
        """The pool, once nothing runs on it."""
        while not ((found := await self.pool(name)) and terminal(found.provisioning_state)):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
        return found

    async def make(self, labels: Mapping[str, str], *, name: str = "demo", group: str = "demo-rg", **pool: Any) -> None:
        """A cluster, as somebody (by default nobody we know) made it; with a GPU pool `gpu` of `nodes` where that is given."""
        await groups.ensure(self.do.azure, group, "eastus", {})
        await clusters.put(self.do.azure, ClusterSpec(group, name, "eastus", system_size="Standard_D2s_v5"), labels)
        while not ((found := await self.cluster(name, group)) and terminal(found.provisioning_state)):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
        if pool:
            priced = {**labels, tags.PRICE: "0.53"} if labels else {}
            await pools.put(self.do.azure, PoolSpec(group, name, "gpu", **({"size": T4} | pool)), priced)
            await self.quiet()

    def ours(self, **more: str) -> dict[str, str]:
        """The tags of a cluster that the bot made earlier."""
        return {
            tags.OPERATION: "earlier", tags.OWNER: "U0BOB", tags.TEAM: "T0", tags.CHANNEL: "C0GPU", tags.THREAD: "0.5",
            tags.PRICE: "0.10", tags.EXPIRES: EXPIRES, **more,
        }  # fmt: skip


async def _serve(stack: contextlib.AsyncExitStack, make: Callable[[str], web.Application], context: ssl.SSLContext | None) -> str:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    url = f"{'https' if context else 'http'}://127.0.0.1:{sock.getsockname()[1]}"
    runner = web.AppRunner(make(url), shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, sock, ssl_context=context).start()
    return url


@contextlib.asynccontextmanager
async def opened(redis: Redis, redis_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, kubeconfig: str = "") -> AsyncIterator[World]:
    """A fresh subscription, two thousand times as fast as the real one; behind its clusters the one of `kubeconfig`, or none."""
    faults, clock = Faults(), CloudClock(speed=2000.0)
    (folder / "kubeconfig").write_text(kubeconfig)
    traffic, backend = Traffic(faults), RealCluster(folder / "kubeconfig") if kubeconfig else NoClusters()
    made: list[Subscription] = []
    sent: list[tuple[str, dict[str, Any], Mapping[str, str]]] = []

    @web.middleware
    async def keep(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        if request.method == "PUT":
            sent.append((request.path, await request.json(), request.headers))
        return await handler(request)

    def cloud(url: str) -> web.Application:
        app, state = azure.build(clock, traffic, backend, public_url=url)
        app.middlewares.insert(0, keep)
        made.append(state)
        return app

    context, ca_file, _ = certificate(folder)
    async with contextlib.AsyncExitStack() as stack:
        url = await _serve(stack, cloud, context)
        price_url = await _serve(stack, lambda url: prices.build(traffic, public_url=url), None)
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "playground")
        conn = Connection(subscription_id=made[0].id, base_url=url, ca_file=ca_file)
        stack.push_async_callback(conn.close)
        own = Clock()
        price_list = PriceList(own, url=f"{price_url}/api/retail/prices")
        stack.push_async_callback(price_list.close)
        journal, waking = Journal(redis, own), await stack.enter_async_context(Waking(redis_url))
        slack = SlackSettings(Secret("x"), Secret("x"), Secret("x"))
        settings = Settings(slack, AzureSettings(made[0].id, url), Secret(redis_url), POLICY, ())

        async def publish(user: str, view: dict[str, Any]) -> None:
            raise AssertionError(user)

        do = Services(
            settings=settings, clock=own, redis=redis, journal=journal, waiting=Waiting(redis, journal), waking=waking, azure=conn,
            prices=price_list, skus=SkuCatalogue(conn, own), observer=Observer(conn), listing=Listing(conn), clusters=Clusters(conn), templates={},
            publish_home=publish,
        )  # fmt: skip
        kinds: dict[str, Kind] = {}
        yield World(made[0], faults, traffic, clock, do, load(POLICY), kinds, Engine(journal, do, kinds, ending), sent=sent)
