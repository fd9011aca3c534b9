"""What is seen of a job while it runs, and how it ends."""

from __future__ import annotations

import re

from tests.journeys.jobs.acts import IMAGE, MANIFEST, button, card_of, posted, ran, run_on_gpu
from tests.journeys.looking import Looking
from tests.playing import Playing, shown, wait_until


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


def test_while_it_runs_the_card_shows_the_throughput_that_the_log_shows(play: Playing) -> None:
    log = '["Epoch 1/4 loss: 0.9 812.5 samples/sec\\nEpoch 2/4 loss: 0.7 815.0 samples/sec\\nEpoch 3/4 loss: 0.6 820.5 samples/sec"]'
    env = 'env: [{name: PLAYGROUND_SECONDS, value: "inf"}]\n          args'
    run_on_gpu(play, posted(play, f"```{MANIFEST.format(name='speedy', args=log, gpus=1).replace('args', env)}```"))
    card, _ = card_of(play, "speedy-")
    play.card(r"speedy-\w+ on lab(.|\n)*so far: train loss \*0\.6\*(.|\n)*820\.5 samples/s(.|\n)*epoch 3 of 4", seconds=60)
    play.mention(card["ts"], "cancel")
    play.reply(card["ts"], "Cancelled")


def test_a_card_is_edited_far_less_often_than_the_log_grows(play: Playing) -> None:
    play.command("run mnist --on lab --set max_steps=3000 --name chatty")
    card, _ = card_of(play, "chatty")
    play.reply(card["ts"], r"chatty\*? succeeded", seconds=90)
    done = play.card(r"chatty on lab(.|\n)*Done")
    assert 1 <= done["edits"] <= 30, done["edits"]  # 300 lines of log


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
    play.reply(card["ts"], "Job `taken` is gone: somebody deleted it meanwhile")


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


def test_a_secret_that_the_bot_may_not_look_for_is_named_in_the_kubelets_words_and_the_job_can_be_cancelled(play: Playing, lab: Looking) -> None:
    play.fault("kubernetes", "forbidden", match="GET .*/secrets/no-such-secret", role="reader")
    text = MANIFEST.format(name="keyless", args="[]", gpus=1)
    reference = "env: [{name: KEY, valueFrom: {secretKeyRef: {name: no-such-secret, key: token}}}]\n          args"
    run_on_gpu(play, posted(play, f"```{text.replace('args', reference)}```"))
    card, name = card_of(play, "keyless-")
    words = 'a Secret or ConfigMap that it refers to is missing: secret "no-such-secret" not found'
    warning = play.reply(card["ts"], f"cannot start: {words}")
    play.card(rf"keyless-\w+ on lab(.|\n)*pending: {words}")
    play.click(warning, "cancel")
    play.reply(card["ts"], "Cancelled")
    wait_until(lambda: lab.job(name) is None)
