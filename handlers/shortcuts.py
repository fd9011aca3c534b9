"""*Run on GPU*: a Job manifest in a message, or in a file attached to it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands import Request
from bot.intake import Intake
from handlers import modals
from handlers.who import who_of

LONGEST_MANIFEST: Final = 65536
NO_MANIFEST: Final = "There is no Job manifest in that message: paste one as a code block, or attach it (`apiVersion: batch/v1`, `kind: Job`)."
TOO_LATE: Final = "I no longer have that manifest: use Run on GPU on the message again."

_FENCE: Final = "```"
_LINK: Final = re.compile(r"<((?:https?|mailto|tel):[^<>|\s]+)(?:\|([^<>]*))?>")
# Every repetition is bounded: this runs on the event loop of `web`, on whatever people type.
_JOB: Final = re.compile(r"""(?m)^[ \t]{0,40}["']?kind["']?[ \t]{0,10}:[ \t]{0,10}["']?Job\b""")
_TEXT_FILE: Final = re.compile(r"\.(?:ya?ml|json|txt)$", re.IGNORECASE)


def manifest_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """The request's values: `manifest` from the text, else `file`; empty where the message holds neither."""
    text = _typed(str(message.get("text") or "")[:LONGEST_MANIFEST])
    blocks = _blocks(text)
    found = next((body for body in blocks if _JOB.search(body)), "") or (text if _JOB.search(text) else "")
    if found:
        return {"manifest": found.strip("\n")}
    files = [file for file in message.get("files") or [] if file.get("id")]
    chosen = next((file for file in files if _TEXT_FILE.search(str(file.get("name") or ""))), files[0] if files else None)
    if chosen is not None:
        return {"file": {name: str(chosen.get(name) or "") for name in ("id", "name", "url_private")}}
    # Not a Job, but somebody thinks that it is one: what is wrong with it is said in the thread.
    return {"manifest": blocks[0]} if blocks else {}


def _blocks(text: str) -> list[str]:
    """What stands in code blocks that are closed, without a first line that only names the language."""
    return [_unnamed(body) for body in text.split(_FENCE)[1:-1:2]]


def _unnamed(body: str) -> str:
    first, _, rest = body.partition("\n")
    return rest if first.strip().lower() in ("", "yaml", "yml", "json") else body


def _typed(text: str) -> str:
    """What the person typed: Slack writes & < > as entities, makes links of host names, and keeps pasted non-breaking spaces."""
    plain = _LINK.sub(lambda link: link[2] or link[1].removeprefix("mailto:"), text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("\u00a0", " ")


def register(app: AsyncApp, intake: Intake) -> None:
    """Listen to the message shortcut, and to the modal that asks where it shall run where there are several clusters."""

    @app.shortcut({"callback_id": "run_on_gpu", "type": "message_action"})
    async def run_on_gpu(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        request = Request(path=(), kind="job.run", values={}, text="")
        # Who may not is turned away before anything is read of what they sent.
        refusal = await intake.refusal(request, who_of(body))
        values = {} if refusal else manifest_of(body["message"])
        request = replace(request, values=values)
        refusal = refusal or (await intake.refusal(request, who_of(body)) if values else NO_MANIFEST)
        clusters, namespaces = await intake.places()
        if refusal:
            modals.open_soon(client, body["trigger_id"], modals.notice("Run on GPU", refusal))
        elif len(clusters) > 1:
            kept = {"channel": who_of(body).channel, "aside": await intake.set_aside(values, who_of(body), body["trigger_id"])}
            modals.open_soon(client, body["trigger_id"], modals.where_to_run(kept, clusters, namespaces))
        else:
            await intake.request(request, who_of(body), trigger=body["trigger_id"], response_url=body.get("response_url", ""))
        await ack()

    @app.view("where")
    async def chosen(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        kept = json.loads(view["private_metadata"])
        who = replace(who_of(body), channel=kept["channel"])
        values = await intake.aside(kept.get("aside", ""), who)
        if values is None:
            await ack(response_action="errors", errors={"cluster": TOO_LATE})
            return
        values |= {name: value for name, value in modals.filled_in(view).items() if value != modals.AS_IT_COMES}
        request = Request(path=(), kind="job.run", values=values, text="")
        refusal = await intake.refusal(request, who)
        if refusal:
            await ack(response_action="errors", errors={"cluster": refusal[:140]})
            return
        await intake.request(request, who, trigger=view["id"])
        await ack()
