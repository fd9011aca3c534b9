"""Files: three calls, exact lengths, and not usable at once."""

from __future__ import annotations

from .local import Json, Local, wait_until

IMAGE: Json = {"type": "image", "alt_text": "a curve"}


async def announced(local: Local, content: bytes, name: str = "log.txt") -> Json:
    answer = await local.client.files_getUploadURLExternal(filename=name, length=len(content))
    return {"file_id": answer["file_id"], "upload_url": answer["upload_url"]}


async def test_the_sdk_uploads_into_a_thread(local: Local) -> None:
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="card"))["ts"]
    log: Json = {"content": "line 1\nline 2\n", "filename": "job.log", "title": "Whole log", "initial_comment": "log"}
    await local.client.files_upload_v2(channel="C0GPU", thread_ts=ts, **log)

    async def shared() -> list[Json]:
        rows: list[Json] = (await local.messages())[0]["replies"]
        return rows

    reply = (await wait_until(shared))[0]
    assert (reply["text"], reply["files"][0]["title"], reply["files"][0]["size"]) == ("log", "Whole log", 14)
    async with local.session.get(reply["files"][0]["url"]) as answer:
        assert await answer.text() == "line 1\nline 2\n"


async def test_bytes_must_be_as_many_as_announced(local: Local) -> None:
    upload = await announced(local, b"four")
    async with local.session.post(upload["upload_url"], data=b"fiver") as answer:
        assert answer.status == 400
    refused = local.client.files_completeUploadExternal(files=[{"id": upload["file_id"], "title": "x"}])
    assert await local.refusal(refused) == "file_update_failed"


async def test_a_fresh_file_is_no_image_yet(local: Local) -> None:
    upload = await announced(local, b"png", "curve.png")
    async with local.session.post(upload["upload_url"], data=b"png") as answer:
        assert answer.status == 200
    await local.client.files_completeUploadExternal(files=[{"id": upload["file_id"], "title": "Curve"}])
    blocks = [IMAGE | {"slack_file": {"id": upload["file_id"]}}]
    assert await local.refusal(local.client.chat_postMessage(channel="C0GPU", text="x", blocks=blocks)) == "invalid_blocks"

    async def posted() -> bool:
        return await local.refusal(local.client.chat_update(channel="C0GPU", ts=ts, text="x", blocks=blocks)) == ""

    ts = (await local.client.chat_postMessage(channel="C0GPU", text="x"))["ts"]
    await wait_until(posted)


async def test_a_file_is_not_shared_where_the_bot_is_not(local: Local) -> None:
    upload = await announced(local, b"x")
    async with local.session.post(upload["upload_url"], data=b"x"):
        files = [{"id": upload["file_id"], "title": "x"}]
    assert await local.refusal(local.client.files_completeUploadExternal(files=files, channel_id="C0RANDOM")) == "not_in_channel"
    assert (await local.client.files_completeUploadExternal(files=files, channel_id="C0GPU"))["ok"]
