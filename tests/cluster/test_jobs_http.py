"""Jobs over HTTP: every way to wait and to fail that a person can meet."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from bot.cluster import jobs, logs, plugin, secrets
from bot.cluster.jobstate import JobState
from bot.cluster.nodes import capacity
from bot.cluster.objects import Json
from bot.cluster.render import RunSpec, render
from bot.cluster.templates import from_image
from bot.errors import Failed, Refused, Temporary
from tests.cluster.conftest import Rig, wait_until


def manifest(name: str, *, image: str = "busybox", gpus: int = 0, op: str = "op1", **fields: Any) -> Json:
    return render(RunSpec(template=from_image(image, gpus=gpus), name=name, op=op, owner="U0ALICE", gpus=gpus, **fields))


async def seen(rig: Rig, name: str) -> JobState:
    return await jobs.observe(rig.access, "default", name)


async def gpus_ready(rig: Rig) -> None:
    rig.pool()
    await plugin.install(rig.access)
    await wait_until(lambda: capacity(rig.access), lambda found: found.largest_free_block == 1)


async def test_a_job_that_fails_says_with_which_exit_code(rig: Rig) -> None:
    await jobs.apply(rig.access, manifest("bad", args=("sh", "-c", "exit 3"), env={"PLAYGROUND_EXIT_CODE": "3"}))
    state = await wait_until(lambda: seen(rig, "bad"), lambda state: state.ended)
    assert (state.phase, state.words) == ("failed", "the program ended with exit code 3")
    assert state.pod is not None
    await jobs.delete(rig.access, "default", "bad")


async def test_a_gpu_job_without_gpus_waits_in_the_schedulers_words(rig: Rig) -> None:
    rig.simulated()
    await wait_until(lambda: capacity(rig.access), lambda found: found.other_nodes == 1)
    await jobs.apply(rig.access, manifest("wants", gpus=1, image="mcr.microsoft.com/azuredocs/samples-tf-mnist-demo:gpu"))
    state = await wait_until(lambda: seen(rig, "wants"), lambda state: "Insufficient" in state.scheduler)
    assert state.phase == "pending"
    assert "Insufficient nvidia.com/gpu" in state.scheduler
    assert "no free GPU on 1 node" in state.words
    rig.pool()
    await plugin.install(rig.access)
    started = await wait_until(lambda: seen(rig, "wants"), lambda state: state.phase in ("running", "succeeded"))
    assert started.node is not None
    assert (await capacity(rig.access)).nodes[0].holders[0].job == "wants"


async def test_pulling_is_told_and_an_image_that_is_not_there_is_stuck(rig: Rig) -> None:
    rig.simulated()
    await jobs.apply(rig.access, manifest("nope", image="ghcr.io/team/does-not-exist:1"))
    state = await wait_until(lambda: seen(rig, "nope"), lambda state: state.stuck)
    assert state.reason in ("ErrImagePull", "ImagePullBackOff")
    assert "no such image or tag" in state.words
    await jobs.apply(rig.access, manifest("slow", image="nvcr.io/nvidia/pytorch:25.01"))
    await wait_until(lambda: seen(rig, "slow"), lambda state: state.phase in ("pulling", "running", "succeeded"))


async def test_lack_of_memory_is_named(rig: Rig) -> None:
    rig.simulated()
    await jobs.apply(rig.access, manifest("fat", env={"PLAYGROUND_OOM": "1"}))
    state = await wait_until(lambda: seen(rig, "fat"), lambda state: state.ended)
    assert (state.phase, state.reason) == ("failed", "OOMKilled")


@pytest.mark.parametrize(("effect", "reason"), [("evict", "Evicted"), ("crash", "Error"), ("oom", "OOMKilled")])
async def test_what_befalls_a_running_pod_is_named(rig: Rig, effect: str, reason: str) -> None:
    rig.fault("default/hit-.*", effect)
    await jobs.apply(rig.access, manifest("hit", args=("sleep", "5")))
    state = await wait_until(lambda: seen(rig, "hit"), lambda state: state.ended)
    assert (state.phase, state.reason) == ("failed", reason)


async def test_a_node_that_refuses_the_gpu_is_named(rig: Rig) -> None:
    await gpus_ready(rig)
    rig.fault("default/refused-.*", "admission_error")
    await jobs.apply(rig.access, manifest("refused", gpus=1))
    state = await wait_until(lambda: seen(rig, "refused"), lambda state: state.ended)
    assert (state.phase, state.reason) == ("failed", "UnexpectedAdmissionError")
    assert "could not be handed out" in state.words


async def test_a_deadline_ends_a_job(rig: Rig) -> None:
    await jobs.apply(rig.access, manifest("long", args=("sleep", "100000"), timeout=1))
    state = await wait_until(lambda: seen(rig, "long"), lambda state: state.ended)
    assert (state.phase, state.reason) == ("failed", "DeadlineExceeded")
    await jobs.delete(rig.access, "default", "long")


async def test_an_indexed_job_runs_all_its_pods(rig: Rig) -> None:
    made = manifest("many", args=("sleep", "1"))
    made["spec"] |= {"completionMode": "Indexed", "completions": 3, "parallelism": 3}
    await jobs.apply(rig.access, made)
    state = await wait_until(lambda: seen(rig, "many"), lambda state: state.ended)
    assert (state.phase, state.succeeded) == ("succeeded", 3)
    assert sorted(str(pod.index) for pod in state.pods) == ["0", "1", "2"]
    await jobs.delete(rig.access, "default", "many")


async def test_the_server_validates_before_anybody_is_asked(rig: Rig) -> None:
    broken = manifest("broken")
    broken["spec"]["template"]["spec"]["restartPolicy"] = "Always"
    with pytest.raises(Refused) as caught:
        await jobs.dry_run(rig.access, broken)
    assert caught.value.code == "cluster.invalid"
    await jobs.dry_run(rig.access, manifest("fine"))
    assert (await seen(rig, "fine")).phase == "absent"


async def test_a_misspelt_field_is_found_before_it_is_silently_dropped(rig: Rig) -> None:
    typo = manifest("typo")
    typo["spec"]["backofLimit"] = 3
    with pytest.raises(Failed, match="backofLimit"):
        await jobs.dry_run(rig.access, typo)


async def test_an_answer_that_is_lost_after_the_write_does_not_make_two_jobs(rig: Rig) -> None:
    rig.fault("POST .*/jobs", "reset_after")
    with pytest.raises(Temporary):
        await jobs.apply(rig.access, manifest("once"))
    assert await jobs.apply(rig.access, manifest("once")) == "exists"
    assert len(await jobs.list_jobs(rig.access, "quartermaster-op=op1")) == 1


async def test_a_log_before_the_container_has_started_is_nothing_and_no_error(rig: Rig) -> None:
    rig.simulated()
    rig.fault("default/early-.*", "stuck_creating", times=-1)
    await jobs.apply(rig.access, manifest("early"))
    state = await wait_until(lambda: seen(rig, "early"), lambda state: bool(state.pods) and state.pods[0].node is not None)
    assert await logs.tail(rig.access, "default", state.pods[0].name, 10) is None
    assert await logs.whole(rig.access, "default", state.pods[0].name) is None
    assert state.pod is None


async def test_a_log_of_a_pod_that_is_gone_is_an_error(rig: Rig) -> None:
    with pytest.raises(Failed) as caught:
        await logs.tail(rig.access, "default", "nobody", 10)
    assert caught.value.code == "cluster.not_found"


async def test_secrets_in_a_log_are_masked_and_its_length_is_limited(rig: Rig) -> None:
    secret = "hf" + "_" + "a1B2" * 9
    await jobs.apply(rig.access, manifest("talk", args=("sh", "-c", f"echo token is {secret} and more; sleep 1")))
    state = await wait_until(lambda: seen(rig, "talk"), lambda state: state.ended)
    assert state.pod is not None
    text = await logs.whole(rig.access, "default", state.pod)
    assert text is not None
    assert secret not in text.text
    assert "[masked] and more" in text.text
    short = await logs.whole(rig.access, "default", state.pod, limit_bytes=4)
    assert short is not None
    assert short.truncated
    assert len(short.text) == 4
    await jobs.delete(rig.access, "default", "talk")


async def test_a_cut_stream_is_not_an_ended_container(rig: Rig) -> None:
    await gpus_ready(rig)
    rig.fault("log.*follow", "cut_log", times=2, lines=7)
    made = manifest("follow", gpus=1, image="mcr.microsoft.com/azuredocs/samples-tf-mnist-demo:gpu", args=("--max_steps", "60"))
    await jobs.apply(rig.access, made)
    state = await wait_until(lambda: seen(rig, "follow"), lambda state: state.pod is not None)
    assert state.pod is not None
    lines: list[str] = []
    name = state.pod
    ended = await rig.access.run(lambda: logs.follow(rig.access, "default", name, lines.append, stopped=lambda: False))
    assert ended
    text = await logs.whole(rig.access, "default", name)
    assert text is not None
    assert lines == text.text.splitlines()
    assert len(rig.requests("follow=true")) >= 3


async def test_following_can_be_stopped(rig: Rig) -> None:
    await jobs.apply(rig.access, manifest("idle", args=("sh", "-c", "echo hello; sleep 3000")))
    state = await wait_until(lambda: seen(rig, "idle"), lambda state: state.pod is not None)
    name, lines = str(state.pod), list[str]()
    ended = await rig.access.run(lambda: logs.follow(rig.access, "default", name, lines.append, stopped=lambda: bool(lines)))
    assert (ended, len(lines)) == (False, 1)
    await jobs.delete(rig.access, "default", "idle")


async def test_only_secrets_that_are_not_there_are_called_missing_and_their_content_is_not_asked_for(rig: Rig) -> None:
    name = f"keys-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"TOKEN": "t"}}
    await rig.access.create("/api/v1/namespaces/default/secrets", body)
    assert await secrets.missing(rig.access, "default", [name, "nobodys-keys"]) == ("nobodys-keys",)
    assert await rig.access.delete(f"/api/v1/namespaces/default/secrets/{name}")


async def test_where_the_bot_may_not_look_at_secrets_none_is_called_missing(rig: Rig) -> None:
    assert await secrets.missing(rig.access_as("reader"), "default", ["nobodys-keys"]) == ()


def test_every_way_to_refer_to_a_secret_counts_and_optional_ones_do_not() -> None:
    job = manifest("refers", secrets=("by-option",))
    pod = job["spec"]["template"]["spec"]
    sources = [{"secretRef": {"name": "init"}}, {"secretRef": {"name": "maybe", "optional": True}}]
    pod["initContainers"] = [{"name": "i", "image": "x", "envFrom": sources}]
    pod["containers"][0]["env"] = [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "by-key", "key": "a"}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "may-be", "key": "a", "optional": True}}},
        {"name": "C", "value": "plain"},
    ]
    projected = {"sources": [{"secret": {"name": "projected"}}, {"configMap": {"name": "c"}}]}
    pod["volumes"] = [{"name": "v", "secret": {"secretName": "mounted"}}, {"name": "p", "projected": projected}, {"name": "e", "emptyDir": {}}]
    assert secrets.references(job) == ("init", "by-option", "by-key", "mounted", "projected")
