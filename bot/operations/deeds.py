"""Short operations: one deed each, in the thread it was asked for or with an answer of its own."""

from __future__ import annotations

import json
from typing import Any

from bot.azure import features
from bot.cluster import jobs, plugin
from bot.errors import Refused
from bot.operations import jobindex
from bot.operations.answers import said
from bot.operations.provisioning import target
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Say, Step, Wait


async def cancel_job(op: Operation, do: Services) -> Outcome:
    """Ask the job's own operation to stop; it deletes the Job and says so in its thread."""
    about = await jobindex.about(do, op)
    fact = json.dumps({"by": op.user, "at": do.clock.now()})
    name = (about.plan or {}).get("target", {}).get("job", "?")
    if about.ended is not None or await do.journal.poke(about.id, {"cancel": fact}, first=True) == "ended":
        raise Refused("operations.not_running", name=name)
    await do.waking.wake(f"op:{about.id}")
    return Done(memo=_answer(f"Stopping `{name}`; its thread says when it is gone."))


async def clean_job(op: Operation, do: Services) -> Outcome:
    """Delete a finished Job and its pods (the document's ``kubectl delete jobs``)."""
    about = await jobindex.about(do, op)
    name = str((about.plan or {}).get("target", {}).get("job", "?"))
    if about.ended is None:
        return Done(memo=_answer(f"`{name}` is still running. `/gpu cancel {name}` stops it and deletes it."))
    t = (about.plan or {}).get("target", {})
    gone = await jobs.delete(await do.reach_named(t["cluster"]), t["namespace"], t["job"])
    return Done(memo=_answer(f"🧹 Job `{name}` and its pods are deleted." if gone else f"Job `{name}` was gone already."))


async def remove_plugin(op: Operation, do: Services) -> Outcome:
    """Take the device plugin out."""
    t = target(op)
    gone = await plugin.remove(await do.reach_named(t["cluster"]))
    text = f"🔌 The device plugin is removed from `{t['cluster']}`." if gone else f"There was no device plugin on `{t['cluster']}`."
    return Done(memo={"outcome": "removed"}, say=(Say("removed", text),))


async def say_plugin(op: Operation, do: Services) -> Outcome:
    """Say that the plugin runs, once that was seen."""
    return Done(
        memo={"outcome": "the plugin runs on every GPU node"},
        say=(Say("plugin", f"🔌 The device plugin runs on every GPU node of `{target(op)['cluster']}`."),),
    )


async def register_feature(op: Operation, do: Services) -> Outcome:
    """Register a preview feature, watch it, and register the provider again: only then does it take effect."""
    name = op.values["feature"]
    state = await features.state(do.azure, name)
    if state is None:
        raise Refused("azure.feature_unknown")
    if state == "Registered":
        return await register_provider(op, do)
    if "asked_azure" not in op.memo:
        await features.register(do.azure, name)
    return _watched(op, f"`{name}`", state, {"asked_azure": True})


async def register_provider(op: Operation, do: Services) -> Outcome:
    """Register the resource provider (again), and watch it."""
    if "asked_provider" not in op.memo:
        state = await features.register_provider(do.azure)
    else:
        state = await features.provider_state(do.azure)
    if state != "Registered":
        return _watched(op, f"the resource provider `{features.NAMESPACE}`", state, {"asked_provider": True})
    name = op.values.get("feature", "")
    what = f"Preview feature `{name}` is registered, and the resource provider knows of it" if name else f"`{features.NAMESPACE}` is registered"
    usable = " `--driver managed` can be used now." if name == features.MANAGED_GPU else ""
    return Done(memo=_answer(f"✅ {what}.{usable}"))


def _watched(op: Operation, what: str, state: str, memo: dict[str, Any]) -> Wait:
    words = f"⏳ <@{op.user}> Azure is registering {what} ({state}); that takes some minutes. I look, and say here when it is done."
    return Wait(20.0, memo={**memo, **_answer(words)})


def _answer(text: str) -> dict[str, Any]:
    return {"answer": said(text).memo()}


CANCEL = Step("cancel", cancel_job)
CLEAN = Step("clean", clean_job)
REMOVE_PLUGIN = Step("remove", remove_plugin, "Remove the device plugin")
SAY_PLUGIN = Step("say", say_plugin)
FEATURE = Step("feature", register_feature)
PROVIDER = Step("provider", register_provider)
