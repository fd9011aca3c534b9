"""The menu, and the modals: each is built and read by functions that stand beside each other."""

from __future__ import annotations

import asyncio
import json
import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.approvals.decide import gives_reason
from bot.approvals.limits import spoken
from bot.commands import Reply, parse
from bot.errors import Refused
from bot.intake import Intake
from bot.operations.record import Operation
from bot.slack.blocks import Block, Button, actions, section
from handlers.who import who_of

log = logging.getLogger(__name__)
_opening: set[asyncio.Task[None]] = set()
AS_IT_COMES = "-"
"""The value of a choice that is left to the bot."""
GPU_SIZES = ("Standard_NC4as_T4_v3", "Standard_NC16as_T4_v3", "Standard_NC24ads_A100_v4", "Standard_NC40ads_H100_v5")


def menu() -> list[Block]:
    """What `/gpu` alone shows."""
    return [
        section("What would you like to do? Everything here can also be typed; `/gpu help` lists it."),
        actions([
            Button("New cluster…", "menu_cluster", "cluster", "primary"), Button("Run a job…", "menu_run", "run"),
            Button("GPU nodes", "menu_nodes", "nodes"), Button("Jobs", "menu_jobs", "jobs"), Button("Status", "menu_status", "status"),
        ]),
    ]  # fmt: skip


def for_menu(action_id: str, channel: str) -> dict[str, Any] | None:
    """The modal behind a button of the menu, or None where the button is a command."""
    return {"menu_cluster": new_cluster, "menu_run": new_run}[action_id](channel) if action_id in ("menu_cluster", "menu_run") else None


def open_soon(client: AsyncWebClient, trigger: str, view: dict[str, Any]) -> None:
    """Open a modal without holding up the ack: a slow Slack must not cost the click."""

    async def opening() -> None:
        try:
            await client.views_open(trigger_id=trigger, view=view)
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("modal not opened", extra={"cause": repr(error)})

    task = asyncio.create_task(opening())
    _opening.add(task)
    task.add_done_callback(_opening.discard)


def deny_reason(value: str, channel: str) -> dict[str, Any]:
    """Why is it denied? The requester is told."""
    return _modal(
        "deny", "Deny request", "Deny", {"value": value, "channel": channel}, [_text("reason", "Why?", "Shown in the thread", multiline=True)]
    )


def break_glass_reason(value: str, channel: str) -> dict[str, Any]:
    """Why can it not wait for an approval? Everybody who approves reads the answer."""
    return _modal(
        "break_glass", "Break glass", "Start it", {"value": value, "channel": channel},
        [
            section("This starts *without approval*. All approvers are told, with your reason, and it stands in the audit log."),
            _text("reason", "What is the emergency?", "A sentence; at least ten characters", multiline=True),
        ],
    )  # fmt: skip


def new_cluster(channel: str) -> dict[str, Any]:
    """A new cluster with a GPU pool."""
    sizes = [{"text": {"type": "plain_text", "text": size}, "value": size} for size in GPU_SIZES]
    select = {"type": "static_select", "action_id": "size", "options": sizes, "initial_option": sizes[0]}
    return _modal("cluster", "New cluster", "Plan it", {"channel": channel}, [
        _text("name", "Name", "demo"), _text("region", "Region", "eastus", initial="eastus"),
        {"type": "input", "block_id": "size", "label": {"type": "plain_text", "text": "GPU size"}, "element": select},
        _text("nodes", "Nodes", "1", initial="1"), _text("for", "Delete after", "8h", initial="8h"),
    ])  # fmt: skip


def new_run(channel: str) -> dict[str, Any]:
    """A job."""
    return _modal("run", "Run a job", "Run it", {"channel": channel}, [
        _text("work", "Template or image", "mnist", initial="mnist"), _text("on", "On cluster", "demo", optional=True),
        _text("gpus", "GPUs", "1", initial="1"), _text("pods", "Pods", "1", optional=True), _text("timeout", "End it after", "2h", optional=True),
        _text("args", "Arguments", "--max_steps 500", optional=True),
    ])  # fmt: skip


def run_again(op: Operation) -> dict[str, Any]:
    """The job of `op` once more, with what it was given to change."""
    values = op.values
    given = [f"--{name}={value}" for name, value in (values.get("parameters") or {}).items()] + list(values.get("args") or ())
    gpus, pods, seconds = values.get("gpus"), values.get("pods"), values.get("timeout_seconds")
    return _modal("again", "Run again", "Run it", {"channel": op.channel, "about": op.id, "job": job_of(op)}, [
        section(f"*{job_of(op)}* once more, as a new job."),
        _text("gpus", "GPUs", "1", initial=str(gpus or ""), optional=True), _text("pods", "Pods", "1", initial=str(pods or ""), optional=True),
        _text("timeout", "End it after", "2h", initial=spoken(int(seconds)) if seconds else "", optional=True),
        _text("args", "Arguments", "--max_steps 500", initial=shlex.join(given)[:3000], optional=True),
    ])  # fmt: skip


def where_to_run(kept: dict[str, str], clusters: Sequence[str], namespaces: Sequence[str]) -> dict[str, Any]:
    """Where shall the manifest run? A choice of namespaces is offered only where the policy leaves one."""
    blocks = [_choice("cluster", "On cluster", "The first that has room", clusters)]
    if len(namespaces) > 1:
        blocks.append(_choice("namespace", "In namespace", f"The manifest's own, else {namespaces[0]}"[:75], namespaces))
    return _modal("where", "Run on GPU", "Run it", kept, blocks)


def job_of(op: Operation) -> str:
    """The name of the job that `op` started, or was to start."""
    return str((op.plan or {}).get("target", {}).get("job") or "job")


def notice(title: str, text: str) -> dict[str, Any]:
    """A word to one person, where there is nothing to answer in."""
    return {
        "type": "modal", "callback_id": "notice", "title": {"type": "plain_text", "text": title}, "close": {"type": "plain_text", "text": "Close"},
        "blocks": [section(text)],
    }  # fmt: skip


def typed(callback: str, values: dict[str, str]) -> str:
    """The command that a modal stands for: what is filled in is read by the one grammar."""
    if callback == "cluster":
        command = f"cluster create {values['name']} --region {values['region']} --size {values['size']}"
        return f"{command} --nodes {values['nodes']} --for {values['for']}"
    command = f"job {values['job']} --again" if callback == "again" else f"run {values['work']}"
    command += "".join(f" --{option} {values[option]}" for option in ("gpus", "on", "pods", "timeout") if values.get(option))
    return command + (f" -- {shlex.join(shlex.split(values['args']))}" if values.get("args") else "")


def wrong_field(values: Mapping[str, str], said: str) -> str:
    """The field that a mistake is about: the one whose value or option it quotes, else the first."""
    quoted = (name for name, value in values.items() if f"`--{name}`" in said or (value and f"`{value}`" in said.splitlines()[0]))
    return next(quoted, next(iter(values)))


def register(app: AsyncApp, intake: Intake) -> None:
    """Listen to what is submitted."""

    @app.view("deny")
    async def denied(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        kept = json.loads(view["private_metadata"])
        who = replace(who_of(body), channel=kept["channel"])
        await intake.decide(kept["value"], who, view["id"], "deny", filled_in(view)["reason"])
        await ack()

    @app.view("break_glass")
    async def broke_glass(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        kept, reason = json.loads(view["private_metadata"]), filled_in(view)["reason"]
        if not gives_reason(reason):
            await ack(response_action="errors", errors={"reason": str(Refused("approvals.no_reason"))[:150]})
            return
        who = replace(who_of(body), channel=kept["channel"])
        await intake.decide(kept["value"], who, view["id"], "break-glass", reason)
        await ack()

    def listen(callback: str) -> None:
        @app.view(callback)
        async def submitted(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
            kept = json.loads(view["private_metadata"])
            who = replace(who_of(body), channel=kept["channel"])
            values = filled_in(view)
            try:
                parsed = parse(typed(callback, {**kept, **values}))
            except ValueError:
                await ack(response_action="errors", errors={"args": "The quotes do not match."})
                return
            if isinstance(parsed, Reply):
                await ack(response_action="errors", errors={wrong_field(values, parsed.text): parsed.text.splitlines()[0][:150]})
                return
            if callback == "again":
                parsed = replace(parsed, values=_again_values(parsed.values))
            refusal = await intake.refusal(parsed, who)
            if refusal:
                await ack(response_action="errors", errors={next(iter(values)): refusal[:140]})
                return
            await intake.request(parsed, who, trigger=view["id"], memo={"about": kept["about"]} if "about" in kept else None)
            await ack()

    for name in ("cluster", "run", "again"):
        listen(name)


def _again_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The form shows all arguments, so what it says is all there is: parameters are in it, and an empty field takes them out."""
    emptied = {name: None for name in ("gpus", "pods", "timeout_seconds") if name not in values}
    return {**emptied, **{name: value for name, value in values.items() if name != "job"}, "parameters": None, "args": values.get("args") or []}


def _modal(callback: str, title: str, submit: str, kept: dict[str, str], blocks: list[Block]) -> dict[str, Any]:
    return {
        "type": "modal", "callback_id": callback, "title": {"type": "plain_text", "text": title}, "private_metadata": json.dumps(kept),
        "submit": {"type": "plain_text", "text": submit}, "close": {"type": "plain_text", "text": "Never mind"}, "blocks": blocks,
    }  # fmt: skip


def _choice(name: str, label: str, usual: str, others: Sequence[str]) -> Block:
    """One of several; `usual`, which is chosen already, stands for :data:`AS_IT_COMES` (Slack: at most 100 options)."""
    named = [(usual, AS_IT_COMES), *((one, one) for one in others)]
    options = [{"text": {"type": "plain_text", "text": text}, "value": value} for text, value in named]
    element = {"type": "static_select", "action_id": name, "options": options[:100], "initial_option": options[0]}
    return {"type": "input", "block_id": name, "label": {"type": "plain_text", "text": label}, "element": element}


def _text(name: str, label: str, hint: str, *, initial: str = "", multiline: bool = False, optional: bool = False) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": name, "placeholder": {"type": "plain_text", "text": hint}, "multiline": multiline}
    if initial:
        element["initial_value"] = initial
    return {"type": "input", "block_id": name, "label": {"type": "plain_text", "text": label}, "element": element, "optional": optional}


def filled_in(view: dict[str, Any]) -> dict[str, str]:
    """What was filled in, by block id; empty fields are ''."""
    read = {}
    for block, fields in view["state"]["values"].items():
        field = next(iter(fields.values()))
        read[block] = field.get("value") or (field.get("selected_option") or {}).get("value") or ""
    return read
