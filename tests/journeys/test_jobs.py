"""Jobs: one more run, manifests from messages, what is seen while they run, how they end, and where there is no room."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.looking import Looking
from tests.playing import ALICE, BOB, GINA, GPU, Playing, playing, shown, wait_until

IMAGE = "ghcr.io/team/train:1.2"
MANIFEST = """apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: main
          image: ghcr.io/team/train:1.2
          args: {args}
          resources:
            limits:
              nvidia.com/gpu: {gpus}
"""


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    """A playground with a cluster of two GPUs on it."""
    with playing(speed=200) as running:
        running.command("cluster create lab --region eastus --size Standard_NC4as_T4_v3 --nodes 2 --for 14d")
        card = running.card("cluster lab(.|\n)*Waiting for approval")
        running.click(card, "approve", BOB)
        running.reply(card["ts"], "Proven: ", seconds=90)
        yield running


@pytest.fixture
def lab(play: Playing) -> Looking:
    return Looking(play, "lab")


def card_of(play: Playing, text: str) -> tuple[dict[str, Any], str]:
    """A job's card, and the job's name."""
    card = play.card(rf"\A{text}[-\w]* on lab - ")
    found = re.match(rf"({text}[-\w]*) on lab - ", shown(card))
    assert found
    return card, found[1]


def ran(play: Playing, command: str, text: str, result: str = "succeeded") -> tuple[dict[str, Any], str]:
    """Run a job to its end: its completion message, and its name."""
    earlier = "|".join(found[1] for one in play.messages() if (found := re.match(r"([-\w]+) on lab - ", shown(one))))
    play.command(command)
    card, name = card_of(play, rf"(?!(?:{earlier or '-'}) ){text}")
    return play.reply(card["ts"], rf"{name}\*? {result}", seconds=60), name


def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [element for block in message["blocks"] if block["type"] == "actions" for element in block["elements"]]


def button(message: dict[str, Any], text: str) -> str:
    return next(str(one["action_id"]) for one in buttons(message) if text in one["text"]["text"])


def content(play: Playing, message: dict[str, Any]) -> bytes:
    with urllib.request.urlopen(message["files"][0]["url"], timeout=20) as answer:
        return bytes(answer.read())


def posted(play: Playing, text: str = "", files: list[dict[str, str]] | None = None) -> str:
    """A person's message, to which the shortcut is then applied."""
    answer = play.call("POST", "/messages", {"user": ALICE, "channel": GPU, "text": text, **({"files": files} if files else {})})
    return str(answer["ts"])


def run_on_gpu(play: Playing, ts: str, user: str = ALICE) -> None:
    answer = play.call("POST", "/shortcuts", {"user": user, "channel": GPU, "ts": ts, "callback_id": "run_on_gpu"})
    assert answer["ok"], answer


def test_a_job_runs_again_with_changes_and_is_compared_with_the_last(play: Playing, lab: Looking) -> None:
    first, name = ran(play, "run mnist --on lab --set max_steps=60 --env TEAM=vision -- --learning_rate=0.002", "mnist-")
    assert "over the last" not in shown(first)
    second, again = ran(play, f"job {name} --again --set max_steps=120", "mnist-")
    assert again != name
    assert re.search(r"[+-]\d\.?\d* over the last|\+0 over the last", shown(second)), shown(second)
    container = lab.job(again)["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["--max_steps", "120", "--learning_rate=0.002"]
    assert {"name": "TEAM", "value": "vision"} in container["env"]
    play.command(f"job {again}")
    history = play.card(r"Runs of mnist")
    assert shown(history).index(again) < shown(history).rindex(name)


def test_the_card_of_one_more_run_says_what_is_different(play: Playing) -> None:
    done, name = ran(play, "run mnist --on lab --set max_steps=30", "mnist-")
    play.command(f"job {name} --again --set max_steps=90000 --timeout 2h")
    card = play.card(rf"`{name}` again with max_steps 30 → 90000, timeout unset → 7200")
    play.click(card, "cancel")
    play.reply(card["ts"], "Cancelled")
    play.click(done, button(done, "Run again"))
    same = play.card(rf"`{name}` again, unchanged")
    play.reply(same["ts"], "succeeded: final", seconds=60)


def test_change_and_run_shows_the_arguments_to_change(play: Playing, lab: Looking) -> None:
    done, name = ran(play, "run mnist --on lab --set max_steps=40", "mnist-")
    play.click(done, button(done, "Change and run"))
    view = wait_until(lambda: play.call("GET", f"/views?user={ALICE}")["views"])[-1]
    assert "--max_steps=40" in str(view)
    values = {"gpus": "1", "pods": "", "timeout": "90m", "args": "--max_steps 50"}
    answer = play.call("POST", "/views/submit", {"user": ALICE, "view_id": view["id"], "values": values})
    assert answer["ok"], answer
    changed = play.card(rf"`{name}` again with args unset → --max_steps 50")
    other = shown(changed).split(" on lab")[0]
    job = wait_until(lambda: lab.job(other))
    assert job["spec"]["activeDeadlineSeconds"] == 5400
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["--max_steps", "50"]


def test_every_option_reaches_the_manifest(play: Playing, lab: Looking) -> None:
    options = "--gpus 1 --cpu 500m --memory 2Gi --env EPOCHS=3 --secret team-keys --timeout 2h --retries 2 --spot-ok --name all-options"
    play.command(f"run {IMAGE} --on lab {options} -- --batch 64")
    job = wait_until(lambda: lab.job("all-options"))
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert (spec["activeDeadlineSeconds"], spec["backoffLimit"], spec["ttlSecondsAfterFinished"]) == (7200, 2, 7 * 86400)
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1", "memory": "2Gi"}
    assert container["resources"]["requests"]["cpu"] == "500m"
    assert container["resources"]["requests"]["memory"] == "2Gi"
    assert container["env"] == [{"name": "EPOCHS", "value": "3"}]
    assert container["envFrom"] == [{"secretRef": {"name": "team-keys", "optional": False}}]
    assert container["args"] == ["--batch", "64"]
    assert any(one["key"] == "kubernetes.azure.com/scalesetpriority" for one in pod["tolerations"])
    assert job["metadata"]["labels"]["quartermaster-owner"] == ALICE
    assert {"quartermaster-channel", "quartermaster-thread", "quartermaster-expires"} <= set(job["metadata"]["annotations"])


def test_without_options_nothing_runs_for_ever_and_spot_nodes_are_left_alone(play: Playing, lab: Looking) -> None:
    play.command(f"run {IMAGE} --on lab --name no-options")
    spec = wait_until(lambda: lab.job("no-options"))["spec"]
    assert spec["activeDeadlineSeconds"] == 24 * 3600
    assert not any(one["key"] == "kubernetes.azure.com/scalesetpriority" for one in spec["template"]["spec"]["tolerations"])


def test_a_job_without_a_gpu_is_refused_at_once(play: Playing) -> None:
    assert "0 is out of range" in play.command("run mnist --on lab --gpus 0")


def test_a_manifest_in_a_code_block_runs(play: Playing, lab: Looking) -> None:
    manifest = MANIFEST.format(name="from-text", args='["a < b", "http://example.com/x"]', gpus=1)
    run_on_gpu(play, posted(play, f"could you run this please?\n```yaml\n{manifest}```\nthanks"))
    card, name = card_of(play, "from-text-")
    play.reply(card["ts"], "succeeded", seconds=60)
    assert lab.job(name)["spec"]["template"]["spec"]["containers"][0]["args"] == ["a < b", "http://example.com/x"]


def test_an_attached_manifest_runs(play: Playing, lab: Looking) -> None:
    file = {"name": "train.yaml", "content": MANIFEST.format(name="from-file", args="[]", gpus=1)}
    run_on_gpu(play, posted(play, "here it is", [file]))
    card, name = card_of(play, "from-file-")
    play.reply(card["ts"], "succeeded", seconds=60)
    assert lab.job(name)


def test_an_unsafe_manifest_is_refused_with_all_reasons(play: Playing, lab: Looking) -> None:
    bad = MANIFEST.format(name="grabby", args="[]", gpus=1).replace("restartPolicy: Never", "hostNetwork: true\n      hostPID: true")
    bad = bad.replace("image: ghcr.io", "securityContext: {privileged: true}\n          image: ghcr.io")
    bad = bad.replace("  name: grabby", "  name: grabby\n  namespace: kube-system")
    ts = posted(play, f"```{bad}```")
    run_on_gpu(play, ts)
    card = play.card(r"Not started(.|\n)*hostNetwork")
    for reason in ("hostNetwork", "hostPID", "privileged", "kube-system"):
        assert reason in shown(card), reason
    assert not [job for job in lab.jobs() if job["metadata"]["name"].startswith("grabby")]


def test_a_huge_file_is_not_read(play: Playing) -> None:
    run_on_gpu(play, posted(play, "", [{"name": "huge.yaml", "content": "#" * 70_000}]))
    play.card("That file is larger than 64 KiB")


def test_a_message_without_a_manifest_says_what_is_missing(play: Playing) -> None:
    run_on_gpu(play, posted(play, "no manifest here"))
    view = wait_until(lambda: play.call("GET", f"/views?user={ALICE}")["views"])[-1]
    assert "There is no Job manifest in that message" in str(view)
    play.call("POST", "/views/close", {"user": ALICE, "view_id": view["id"]})


def test_a_guest_is_told_in_private_that_the_shortcut_is_not_for_guests(play: Playing) -> None:
    play.command("status", GINA)
    wait_until(lambda: "Guests" in play.command("status", GINA))
    run_on_gpu(play, posted(play, f"```{MANIFEST.format(name='guests', args='[]', gpus=1)}```"), GINA)
    view = wait_until(lambda: play.call("GET", f"/views?user={GINA}")["views"])[-1]
    assert "Guests" in str(view)


def test_while_it_runs_the_card_shows_the_newest_number_and_what_is_left(play: Playing) -> None:
    play.command("run mnist --on lab --set max_steps=90000 --name watched")
    card, name = card_of(play, "watched")
    shows = r"so far: accuracy \*0\.\d+\* at step \d+(.|\n)*step \d+ of 90000 \(\d+%\), about \d+ (s|min) left"
    live = play.card(rf"{name} on lab(.|\n)*{shows}", seconds=60)
    assert "running on `" in shown(live)
    play.mention(card["ts"], "cancel")
    end = play.reply(card["ts"], "Cancelled by <@U0ALICE>")
    assert "and its pods were deleted" in shown(end)
    assert re.search(r"Last seen: .*accuracy \*0\.\d+\*", shown(end))


def test_a_program_that_fails_is_reported_once_with_its_exit_code(play: Playing) -> None:
    done, _ = ran(play, f"run {IMAGE} --on lab --name exits --env PLAYGROUND_EXIT_CODE=3", "exits", "failed")
    assert "the program ended with exit code 3" in shown(done)
    assert "Exit code\n3" in shown(done).replace("*", "")
    failed = play.card(r"exits on lab(.|\n)*Failed")
    assert "exit code 3" in shown(failed)
    assert sum("exits* failed" in shown(reply) for reply in failed["replies"]) == 1


def test_a_job_that_needs_too_much_memory_is_told_so(play: Playing) -> None:
    done, _ = ran(play, f"run {IMAGE} --on lab --name greedy --env PLAYGROUND_OOM=1", "greedy", "failed")
    assert "used more memory than it may" in shown(done)
    assert "--memory" in shown(done)


def test_a_restart_on_the_way_is_named_with_its_cause(play: Playing) -> None:
    play.fault("kubernetes", "oom", match="Accuracy at step 40:")
    done, _ = ran(play, "run mnist --on lab --set max_steps=60 --name stumbles", "stumbles")
    assert re.search(r"started again 1×: it used more memory than it may", shown(done)), shown(done)
    assert "succeeded: final" in shown(done)


def test_an_eviction_on_the_way_is_named_and_does_not_end_the_run(play: Playing) -> None:
    play.fault("kubernetes", "evict", match="evict-me")
    done, _ = ran(play, f"run {IMAGE} --on lab --name evicted --retries 2 -- evict-me", "evicted")
    assert re.search(r"attempt \d: the node was short of something and evicted it", shown(done)), shown(done)


def test_a_job_that_runs_into_its_time_limit_says_so_and_how_to_get_more(play: Playing) -> None:
    play.command(f"run {IMAGE} --on lab --name endless --timeout 1h --env PLAYGROUND_SECONDS=inf")
    card = play.card(r"\Aendless on lab - (.|\n)*running on")
    play.advance(3700)
    done = play.reply(card["ts"], r"endless\*? failed: it ran into its time limit and was stopped")
    assert "--timeout" in shown(done)


def test_a_job_that_somebody_else_deletes_is_noticed(play: Playing, lab: Looking) -> None:
    play.command(f"run {IMAGE} --on lab --name taken --env PLAYGROUND_SECONDS=inf")
    card = play.card(r"\Ataken on lab - (.|\n)*running on")
    lab.delete("/apis/batch/v1/namespaces/default/jobs/taken?propagationPolicy=Background")
    play.reply(card["ts"], "Job `taken` is gone: somebody deleted it outside of me")


def test_a_name_that_belongs_to_another_job_is_refused_and_that_job_is_left_alone(play: Playing, lab: Looking) -> None:
    play.command(f"run {IMAGE} --on lab --name owned --env PLAYGROUND_SECONDS=inf")
    first = play.card(r"\Aowned on lab - (.|\n)*running on")
    play.command(f"run {IMAGE} --on lab --name owned")
    second = play.card(r"\Aowned on lab - (.|\n)*Not started(.|\n)*there is already a Job owned")
    assert second["ts"] != first["ts"]
    assert lab.job("owned")["metadata"].get("deletionTimestamp") is None
    play.click(first, "cancel")
    play.reply(first["ts"], "Cancelled")


def test_an_image_that_does_not_exist_is_named_and_given_up_after_a_while(play: Playing, lab: Looking) -> None:
    play.command("run ghcr.io/team/does-not-exist:1 --on lab --name missing")
    card, _ = card_of(play, "missing")
    warning = play.reply(card["ts"], "cannot start: the image cannot be pulled: the registry has no such image or tag")
    assert button(warning, "Cancel") == "cancel"
    assert "the image cannot be pulled" in shown(play.card(r"missing on lab(.|\n)*pending: the image"))
    play.advance(1000)
    play.reply(card["ts"], r"missing\*? failed: the image cannot be pulled: the registry has no such image or tag")
    wait_until(lambda: lab.job("missing") is None)


def test_a_secret_that_is_missing_is_named_and_the_job_can_be_cancelled(play: Playing, lab: Looking) -> None:
    text = MANIFEST.format(name="keyless", args="[]", gpus=1)
    reference = "env: [{name: KEY, valueFrom: {secretKeyRef: {name: no-such-secret, key: token}}}]\n          args"
    run_on_gpu(play, posted(play, f"```{text.replace('args', reference)}```"))
    card, name = card_of(play, "keyless-")
    warning = play.reply(card["ts"], 'cannot start: .*secret "no-such-secret" not found')
    play.click(warning, "cancel")
    play.reply(card["ts"], "Cancelled")
    wait_until(lambda: lab.job(name) is None)


def test_a_run_that_fell_back_to_the_cpu_is_told_loudly(play: Playing) -> None:
    log = '["Using device: cpu\\nEpoch 1/3 val_acc: 0.5\\nEpoch 2/3 val_acc: 0.6\\nEpoch 3/3 val_acc: 0.7"]'
    run_on_gpu(play, posted(play, f"```{MANIFEST.format(name='slowly', args=log, gpus=1)}```"))
    card, _ = card_of(play, "slowly-")
    done = play.reply(card["ts"], "succeeded: final val accuracy 0.7", seconds=60)
    assert "⚠️ *It asked for 1 GPU and ran on the CPU.*" in shown(done)


def test_logs_come_whole_and_without_secrets(play: Playing) -> None:
    log = '["starting\\npassword=hunter2hunter2\\nall done"]'
    run_on_gpu(play, posted(play, f"```{MANIFEST.format(name='leaky', args=log, gpus=1)}```"))
    card, name = card_of(play, "leaky-")
    done = play.reply(card["ts"], "succeeded", seconds=60)
    play.click(done, "logs")
    file = play.reply(card["ts"], rf"{name}-\w+\.log")
    text = content(play, file).decode()
    assert "starting" in text
    assert "all done" in text
    assert "hunter2" not in text


def test_several_pods_are_followed_and_summed_up(play: Playing, lab: Looking) -> None:
    play.command("run mnist --on lab --pods 2 --set max_steps=6000 --name pair")
    card, _ = card_of(play, "pair")
    play.card(r"pair on lab(.|\n)*2 pods:")
    done = play.reply(card["ts"], r"pair\*? succeeded", seconds=60)
    spec = lab.job("pair")["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 2, 2)
    assert re.search(r"final accuracy 0\.\d+ at step 5990 \(pod [01], the best of 2\)", shown(done)), shown(done)
    assert re.search(r"`pod 0` accuracy \*0\.\d+\*", shown(done))
    assert re.search(r"`pod 1` accuracy \*0\.\d+\*", shown(done))
    play.click(done, "logs")
    text = content(play, play.reply(card["ts"], r"pair-\w+\.log")).decode()
    assert re.search(r"^\[pod 0\] Accuracy at step 5990:", text, re.MULTILINE)
    assert re.search(r"^\[pod 1\] Accuracy at step 5990:", text, re.MULTILINE)


def test_the_curve_comes_as_a_picture_on_request(play: Playing) -> None:
    done, name = ran(play, "run mnist --on lab --set max_steps=100", "mnist-")
    card, _ = card_of(play, name)
    play.click(done, "curve")
    message = play.reply(card["ts"], rf"{name}-\w+\.png")
    assert message["files"][0]["mimetype"] == "image/png"
    assert "Line chart of accuracy" in message["files"][0]["alt_txt"]
    picture = content(play, message)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(picture[16:20]) == 1200


def test_a_job_that_has_to_wait_says_why_in_both_tongues_and_offers_room(play: Playing) -> None:
    play.command(f"run {IMAGE} --on lab --pods 2 --name holders --env PLAYGROUND_SECONDS=inf")
    holders = play.card(r"holders on lab(.|\n)*2 running", seconds=60)
    play.command("run mnist --on lab --name waits --set max_steps=20")
    card, _ = card_of(play, "waits")
    waits = play.card(r"waits on lab(.|\n)*0/3 nodes are available", seconds=60)
    assert "pending: no free GPU on 3 nodes" in shown(waits)
    offer = play.reply(card["ts"], "has to wait")
    assert "would make room" in shown(offer)
    play.click(holders, "cancel")
    play.reply(card["ts"], r"waits\*? succeeded", seconds=60)


def test_a_job_that_can_never_fit_is_not_started_and_pools_are_offered_cheapest_first(play: Playing, lab: Looking) -> None:
    play.command("run mnist --on lab --gpus 4 --name large")
    card = play.card(r"large on lab(.|\n)*Not started")
    offer = play.reply(card["ts"], "was not started: No node of the cluster has 4 GPUs")
    offers = [one["text"]["text"] for one in buttons(offer) if one["action_id"].startswith("offer")]
    prices = [float(re.search(r"\$([\d.,]+)/h", text)[1].replace(",", "")) for text in offers]  # type: ignore[index]
    assert 1 <= len(offers) <= 3
    assert prices == sorted(prices)
    assert lab.job("large") is None
    play.click(offer, button(offer, offers[0]))
    play.click(offer, button(offer, offers[0]), BOB)
    asked = play.card(rf"node pool lab/gpu2: {re.escape(offers[0].split(' (')[0])}(.|\n)*Waiting for approval")
    assert sum("node pool lab/gpu2" in shown(one) for one in play.messages()) == 1
    play.click(asked, "cancel")
    play.reply(asked["ts"], "Cancelled")
