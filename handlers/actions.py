"""Buttons. Their values are opaque ids; who may do what is decided from the record, never from the button.

The menu's carry a command instead: it is the clicker's own, as if it had been typed.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands import Request
from bot.intake import Intake, Who
from handlers import modals
from handlers.who import who_of

Act = Callable[[Intake, Who, str, str], Awaitable[Any]]
FEATURE: Final = "ManagedGPUExperiencePreview"
PROVIDER: Final = Request(path=(), kind="provider.register", values={}, text="")


async def _approve(intake: Intake, who: Who, value: str, trigger: str) -> None:
    await intake.decide(value, who, trigger, "approve")


async def _confirm(intake: Intake, who: Who, value: str, trigger: str) -> None:
    await intake.decide(value, who, trigger, "confirm")


async def _cancel(intake: Intake, who: Who, value: str, trigger: str) -> None:
    await intake.cancel(value, who, trigger)


async def _extend(intake: Intake, who: Who, value: str, trigger: str) -> None:
    await _about(intake, who, value, trigger, "thread.extend")


async def _logs(intake: Intake, who: Who, value: str, trigger: str) -> None:
    await _about(intake, who, value, trigger, "thread.logs")


async def _about(intake: Intake, who: Who, value: str, trigger: str, kind: str) -> None:
    """A request about the operation behind the button, in its thread."""
    op = await intake.thread_of(value)
    if op is not None and op.channel == who.channel:
        await intake.pressed(op, Request(path=(), kind=kind, values={}, text=""), who, trigger, thread=op.thread)


async def _curve(intake: Intake, who: Who, value: str, trigger: str) -> None:
    await _about(intake, who, value, trigger, "thread.curve")


async def _again(intake: Intake, who: Who, value: str, trigger: str) -> None:
    """One more run: a request of its own, with a card of its own."""
    op = await intake.thread_of(value)
    if op is not None and op.channel == who.channel:
        request = Request(path=(), kind="job.again", values={}, text=f"job {modals.job_of(op)} --again")
        await intake.pressed(op, request, who, trigger, same=f"{value}/again")


async def _offer(intake: Intake, who: Who, value: str, trigger: str) -> None:
    """One of the pools that a job without room was offered. However often it is pressed, and by whomever, it is asked for once."""
    op = await intake.thread_of(value)
    number = value.rpartition(":")[2]
    offers = op.memo.get("offers") or [] if op is not None else []
    if op is None or op.channel != who.channel or not number.isdigit() or int(number) >= len(offers):
        return
    offer = offers[int(number)]
    values = {name: offer[name] for name in ("cluster", "pool", "size", "nodes")}
    text = f"pool add {offer['cluster']}/{offer['pool']} --size {offer['size']} --nodes {offer['nodes']}"
    await intake.pressed(op, Request(path=("pool", "add"), kind="pool.add", values=values, text=text), who, f"{op.id}/offer/{number}")


async def _retry(intake: Intake, who: Who, value: str, trigger: str) -> None:
    """The same request once more, as a new one: planned, priced and approved afresh."""
    op = await intake.thread_of(value)
    if op is not None and op.channel == who.channel and op.request:
        await intake.request(Request.from_json(op.request), who, trigger=trigger, same=f"{value}/retry")


def _question(kind: str, *keys: str) -> Act:
    """A question about the place that a failed request was for."""

    async def ask(intake: Intake, who: Who, value: str, trigger: str) -> None:
        op = await intake.thread_of(value)
        if op is not None and op.channel == who.channel:
            target = (op.plan or {}).get("target", {})
            known = {key: target.get(key) or op.values.get(key) for key in keys}
            values = {key: found for key, found in known.items() if found}
            await intake.request(Request(path=(), kind=kind, values=values, text=""), who, trigger=trigger, thread=op.thread)

    return ask


def _deed(kind: str, command: str, **more: Any) -> Act:
    """A request about the pool (or the cluster) that failed; it has a card of its own and asks back as if it were typed."""

    async def ask(intake: Intake, who: Who, value: str, trigger: str) -> None:
        op = await intake.thread_of(value)
        if op is None or op.channel != who.channel:
            return
        target = (op.plan or {}).get("target", {})
        pool = target.get("pool") or op.values.get("pool") or ""
        name = str(pool.get("name", "")) if isinstance(pool, dict) else str(pool)
        values = {"cluster": str(target.get("cluster") or op.values.get("cluster")), **({"pool": name} if name else {}), **more}
        noun = "pool" if name else "cluster"
        shown = "/".join(str(values[part]) for part in ("cluster", "pool") if part in values)
        await intake.pressed(op, Request(path=(), kind=f"{noun}.{kind}", values=values, text=f"{noun} {command} {shown}"), who, trigger)

    return ask


async def _register(intake: Intake, who: Who, value: str, trigger: str) -> None:
    """The preview feature or the resource provider that Azure missed."""
    op = await intake.thread_of(value)
    if op is not None and op.channel == who.channel:
        provider = (op.error or {}).get("code") == "azure.provider_missing"
        request = PROVIDER if provider else Request(path=(), kind="feature.register", values={"feature": FEATURE}, text=f"feature register {FEATURE}")
        await intake.pressed(op, request, who, trigger)


async def _keep(intake: Intake, who: Who, value: str, trigger: str) -> None:
    await intake.keep(value, who, trigger)


ACTS: dict[str, Act] = {
    "retry": _retry, "sizes": _question("query.sizes", "region"), "quota": _question("query.quota", "region"),
    "approve": _approve, "confirm": _confirm, "cancel": _cancel, "extend": _extend, "logs": _logs,
    "curve": _curve, "again": _again, "offer": _offer, "keep": _keep, "show": _question("query.cluster", "cluster"), "register": _register,
    "remove": _deed("delete", "delete"), "force": _deed("delete", "delete", force=True), "abort": _deed("abort", "abort"),
}  # fmt: skip


def register(app: AsyncApp, intake: Intake) -> None:
    """Listen to every button that a card can show."""

    def listen(name: str, act: Act) -> None:
        @app.action(re.compile(rf"^{name}(:\d+)?$"))
        async def clicked(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
            await act(intake, who_of(body), action.get("value", ""), body["trigger_id"])
            await ack()

    for name, act in ACTS.items():
        listen(name, act)

    @app.action(re.compile(r"^deny(:\d+)?$"))
    async def deny(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
        modals.open_soon(client, body["trigger_id"], modals.deny_reason(action.get("value", ""), who_of(body).channel))
        await ack()

    @app.action(re.compile(r"^break_glass(:\d+)?$"))
    async def break_glass(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
        who, value = who_of(body), action.get("value", "")
        if await intake.may_break_glass(value, who, body["trigger_id"]):
            modals.open_soon(client, body["trigger_id"], modals.break_glass_reason(value, who.channel))
        await ack()

    @app.action(re.compile(r"^again_edit(:\d+)?$"))
    async def again_edit(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
        op = await intake.thread_of(action.get("value", ""))
        if op is not None and op.channel == who_of(body).channel:
            modals.open_soon(client, body["trigger_id"], modals.run_again(op))
        await ack()

    @app.action(re.compile(r"^suggest_"))
    async def suggested(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        name = action["action_id"].removeprefix("suggest_").partition(":")[0]
        await intake.suggested(name, action.get("value", ""), who_of(body), body["trigger_id"])
        await ack()

    @app.action(re.compile(r"^menu_"))
    async def menu(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
        view = modals.for_menu(action["action_id"], who_of(body).channel)
        if view is not None:
            modals.open_soon(client, body["trigger_id"], view)
        elif action.get("value"):
            await intake.command(action["value"], who_of(body), trigger=body["trigger_id"])
        await ack()

    @app.action(re.compile(r"^link_"))
    async def link(ack: AsyncAck) -> None:
        await ack()
