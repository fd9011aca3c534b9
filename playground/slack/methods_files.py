"""The three-call upload and what becomes of a file (Slack: files.getUploadURLExternal, completeUploadExternal, files.info).

A file is not usable at once: it is processed first, and only then shared and fit for an image block.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import quote

from aiohttp import web

from playground import chance
from playground.slack import posting
from playground.slack.errors import ApiError
from playground.slack.methods_chat import postable
from playground.slack.model import BOT_USER, TEAM, Channel, File, Json, Message
from playground.slack.webapi import Call, Methods
from playground.slack.workspace import Workspace

METHODS = Methods()
PROCESSING_SECONDS: Final = 0.3
MAX_ALT_TEXT: Final = 1000
MAX_FILE_BYTES: Final = 1_000_000_000


def new_file(workspace: Workspace, name: str, size: int, user: str, *, alt_text: str = "") -> File:
    """An announced file without content."""
    number, base, safe = workspace.number("F"), workspace.public_url, quote(name, safe="")
    shown, private = f"{base}/files/{number}/{safe}", f"{base}/files/private/{TEAM}-{number}/{safe}"
    file = File(number, name, name, size, user, int(workspace.clock.now()), shown, private, alt_text)
    workspace.files[number] = file
    return file


@METHODS.add(
    "files.getUploadURLExternal", "t4", "snippet_type alt_txt", scope="files:write", required="filename length", json_body=False
)  # fmt: skip
async def upload_url(call: Call) -> Json:
    """First call: announce name and exact length, learn where to send the bytes."""
    length = call.number("length", 0)
    if length <= 0:
        raise ApiError("invalid_arguments", "[ERROR] length must be positive [json-pointer:/length]")
    if length > MAX_FILE_BYTES:
        raise ApiError("file_upload_size_restricted")
    if len(call.text("alt_txt")) > MAX_ALT_TEXT:
        raise ApiError("alt_txt_too_large")
    file = new_file(call.workspace, call.text("filename"), length, BOT_USER, alt_text=call.text("alt_txt"))
    return {"file_id": file.id, "upload_url": f"{call.workspace.public_url}/upload/v1/{file.id}?secret={chance.digits('upload', 16)}"}


async def receive(request: web.Request, workspace: Workspace) -> web.Response:
    """Second call, ``POST /upload/v1/{id}``: the bytes, raw or as a form's file. Needs no token; the length must be the announced one."""
    file = workspace.files.get(request.match_info["id"])
    if file is None or file.completed:
        return web.Response(status=404, text="no such upload")
    if request.content_type == "multipart/form-data":
        form = await request.post()
        parts = [value.file.read() for value in form.values() if isinstance(value, web.FileField)]
        content = parts[0] if parts else b""
    else:
        content = await request.read()
    if len(content) != file.size:
        return web.Response(status=400, text=f"announced {file.size} bytes, got {len(content)}")
    file.content = content
    return web.Response(text=f"OK - {file.size}")


@METHODS.add(
    "files.completeUploadExternal", "t4", "channel_id thread_ts channels initial_comment blocks username icon_url icon_emoji",
    scope="files:write", required="files",
)  # fmt: skip
async def complete(call: Call) -> Json:
    """Third call: finish and share. The message shows up a moment later, when the file has been processed."""
    workspace = call.workspace
    listed = call.structure("files", "invalid_arguments")
    if not isinstance(listed, list) or not listed or not all(isinstance(item, dict) and "id" in item for item in listed):
        raise ApiError("invalid_arguments", "[ERROR] files must be a list of {id, title} [json-pointer:/files]")
    files = []
    for item in listed:
        file = workspace.files.get(str(item["id"]))
        if file is None or file.user != BOT_USER:
            raise ApiError("file_not_found")
        if file.content is None or file.completed:
            raise ApiError("file_update_failed")
        files.append((file, str(item.get("title") or file.name)))
    targets = [call.text("channel_id")] if call.given("channel_id") else [part for part in call.text("channels").split(",") if part]
    channels = [_target(call, target) for target in targets]
    found = posting.content(workspace, {"text": call.text("initial_comment"), "blocks": call.args.get("blocks")}, f"POST {call.method.name}")
    threads = [posting.thread_of(workspace, channel, call.text("thread_ts")) for channel in channels] if call.given("thread_ts") else []
    for file, title in files:
        file.title, file.completed = title, True
    messages = [
        Message(
            channel.id, "", BOT_USER, found.text or "", found.blocks or [], files=[file for file, _ in files],
            thread_ts=threads[number] if threads else None, from_bot=True,
        )
        for number, channel in enumerate(channels)
    ]  # fmt: skip
    workspace.tasks.start(_processed(workspace, [file for file, _ in files], messages))
    return {"files": [{"id": file.id, "title": file.title, "created": file.created, "user": BOT_USER} for file, _ in files]}


def _target(call: Call, channel: str) -> Channel:
    """Raises ApiError channel_not_found, not_in_channel or posting_to_channel_denied."""
    call.args["channel"] = channel
    try:
        return postable(call, names=False)
    except ApiError as error:
        raise error if error.code in ("channel_not_found", "not_in_channel") else ApiError("posting_to_channel_denied") from error


async def _processed(workspace: Workspace, files: list[File], messages: list[Message]) -> None:
    await asyncio.sleep(PROCESSING_SECONDS)
    for message in messages:
        message.ts = workspace.timestamps.next()
        for file in files:
            file.shares.append((message.channel, message.ts))
    for file in files:
        file.ready = True
    for message in messages:
        workspace.add(message)


@METHODS.add("files.info", "t4", "count cursor limit page", scope="files:read", required="file", json_body=False)
async def files_info(call: Call) -> Json:
    """One file."""
    file = call.workspace.files.get(call.text("file"))
    if file is None or not file.completed:
        raise ApiError("file_not_found")
    return {"file": file.as_json(), "comments": [], "paging": {"count": 0, "total": 0, "page": 1, "pages": 0}}


async def download(request: web.Request, workspace: Workspace) -> web.Response:
    """``GET /files/{id}/{name}`` for the page, whose user is signed in."""
    return _bytes(workspace.files.get(request.match_info["id"]))


async def private(request: web.Request, workspace: Workspace) -> web.Response:
    """``url_private``: for a bot with ``files:read``; without its token Slack answers 200 with a page to sign in."""
    signed_in = request.headers.get("Authorization") == f"Bearer {workspace.bot_token}" and "files:read" in workspace.token_scopes
    if not signed_in:
        return web.Response(text="<!DOCTYPE html><html><title>Slack | Sign in</title></html>", content_type="text/html")
    return _bytes(workspace.files.get(request.match_info["id"].removeprefix(f"{TEAM}-")))


def _bytes(file: File | None) -> web.Response:
    if file is None or file.content is None or not file.completed:
        return web.Response(status=404, text="no such file")
    return web.Response(body=file.content, content_type=str(file.as_json()["mimetype"]))
