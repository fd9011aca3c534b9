"""What is told of a job: its log, its curve, its pods; and where there is no room for it."""

from __future__ import annotations

import re

from tests.journeys.jobs.acts import IMAGE, MANIFEST, button, buttons, card_of, content, posted, ran, run_on_gpu
from tests.journeys.looking import Looking
from tests.playing import BOB, Playing, shown, wait_until


def test_a_run_that_fell_back_to_the_cpu_is_told_loudly(play: Playing) -> None:
    log = '["Using device: cpu\\nEpoch 1/3 val_acc: 0.5\\nEpoch 2/3 val_acc: 0.6\\nEpoch 3/3 val_acc: 0.7"]'
    run_on_gpu(play, posted(play, f"```{MANIFEST.format(name='slowly', args=log, gpus=1)}```"))
    card, _ = card_of(play, "slowly-")
    done = play.reply(card["ts"], "succeeded: final val accuracy 0.7", seconds=60)
    assert "⚠️ *It asked for 1 GPU and ran on the CPU.*" in shown(done)


def test_logs_come_whole_and_without_secrets(play: Playing) -> None:
    log = r'["starting\n\u0070assword=hunter2hunter2\nall done"]'  # in plain letters the manifest would be refused
    run_on_gpu(play, posted(play, f"```{MANIFEST.format(name='leaky', args=log, gpus=1)}```"))
    card, name = card_of(play, "leaky-")
    done = play.reply(card["ts"], "succeeded", seconds=60)
    play.click(done, "logs")
    file = play.reply(card["ts"], rf"{name}-\w+\.log")
    text = content(play, file).decode()
    assert "starting" in text
    assert "all done" in text
    assert "hunter2" not in text


def test_a_finished_job_is_cleaned_by_name_or_by_time_and_what_is_known_of_it_stays(play: Playing, lab: Looking) -> None:
    ran(play, f"run {IMAGE} --on lab --name swept", "swept")
    play.command("clean swept")
    play.card("Job `swept` and its pods are deleted")
    assert lab.job("swept") is None
    play.command("clean swept")
    play.card("Job `swept` was gone already")
    play.command("logs swept")
    play.card("Job `swept` is not in the cluster any more, and its log went with it. `/gpu job swept`")
    play.command("job swept")
    play.card(r"\*swept\* on lab: (.|\n)*no metric in its log")
    ran(play, f"run {IMAGE} --on lab --name aged", "aged")
    assert lab.job("aged")["spec"]["ttlSecondsAfterFinished"] == 7 * 86400
    play.advance(7 * 86400 + 60)
    wait_until(lambda: lab.job("aged") is None)


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


def test_only_the_room_that_is_missing_is_offered(play: Playing) -> None:
    play.command(f"run {IMAGE} --on lab --pods 3 --name wide --env PLAYGROUND_SECONDS=inf")
    card, _ = card_of(play, "wide")
    offer = play.reply(card["ts"], "has to wait: Only 2 of 3 pods with 1 GPU each fit now")
    offers = [one["text"]["text"] for one in buttons(offer) if one["action_id"].startswith("offer")]
    assert offers
    assert all(text.startswith("1 × ") for text in offers), offers
    play.click(card, "cancel")
    play.reply(card["ts"], "Cancelled")


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
