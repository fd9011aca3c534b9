"""The menu, and the modals: each is built and read by functions that stand beside each other."""

from __future__ import annotations

import asyncio
import json
import logging
import shlex
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands import Reply, parse
from bot.intake import Intake, Who
from bot.slack.blocks import Block, Button, actions, section

log = logging.getLogger(__name__)
_opening: set[asyncio.Task[None]] = set()
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
        _text("gpus", "GPUs", "1", initial="1"), _text("args", "Arguments", "--max_steps 500", optional=True),
    ])  # fmt: skip


def typed(callback: str, values: dict[str, str]) -> str:
    """The command that a modal stands for: what is filled in is read by the one grammar."""
    if callback == "cluster":
        command = f"cluster create {values['name']} --region {values['region']} --size {values['size']}"
        return f"{command} --nodes {values['nodes']} --for {values['for']}"
    command = f"run {values['work']} --gpus {values['gpus'] or 1}"
    command += f" --on {values['on']}" if values.get("on") else ""
    return command + (f" -- {shlex.join(shlex.split(values['args']))}" if values.get("args") else "")


def register(app: AsyncApp, intake: Intake) -> None:
    """Listen to what is submitted."""

    @app.view("deny")
    async def denied(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        kept = json.loads(view["private_metadata"])
        who = Who(body["team"]["id"], body["user"]["id"], kept["channel"])
        await intake.decide(kept["value"], who, view["id"], "deny", _values(view)["reason"])
        await ack()

    def listen(callback: str) -> None:
        @app.view(callback)
        async def submitted(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
            who = Who(body["team"]["id"], body["user"]["id"], json.loads(view["private_metadata"])["channel"])
            values = _values(view)
            try:
                parsed = parse(typed(callback, values))
            except ValueError:
                await ack(response_action="errors", errors={"args": "The quotes do not match."})
                return
            if isinstance(parsed, Reply):
                await ack(response_action="errors", errors={next(iter(values)): parsed.text[:140]})
                return
            await intake.request(parsed, who, trigger=view["id"])
            await ack()

    listen("cluster")
    listen("run")


def _modal(callback: str, title: str, submit: str, kept: dict[str, str], blocks: list[Block]) -> dict[str, Any]:
    return {
        "type": "modal", "callback_id": callback, "title": {"type": "plain_text", "text": title}, "private_metadata": json.dumps(kept),
        "submit": {"type": "plain_text", "text": submit}, "close": {"type": "plain_text", "text": "Never mind"}, "blocks": blocks,
    }  # fmt: skip


def _text(name: str, label: str, hint: str, *, initial: str = "", multiline: bool = False, optional: bool = False) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": name, "placeholder": {"type": "plain_text", "text": hint}, "multiline": multiline}
    if initial:
        element["initial_value"] = initial
    return {"type": "input", "block_id": name, "label": {"type": "plain_text", "text": label}, "element": element, "optional": optional}


def _values(view: dict[str, Any]) -> dict[str, str]:
    """What was filled in, by block id; empty fields are ''."""
    read = {}
    for block, fields in view["state"]["values"].items():
        field = next(iter(fields.values()))
        read[block] = field.get("value") or (field.get("selected_option") or {}).get("value") or ""
    return read
