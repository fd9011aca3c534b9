"""Redis is wiped while a pool is being enabled, a cluster is being deleted and another one's API server is silent: all of it goes on."""

from __future__ import annotations

import redis as redis_sync

from tests.playing import ALICE, BOB, GPU, Playing, shown, wait_until

SIZE = "Standard_NC4as_T4_v3"
OPS = "G0OPS"


def asked(play: Playing, name: str, more: str) -> dict[str, object]:
    play.command(f"cluster create {name} {more} --for 2d")
    card = play.card(f"cluster {name}(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    return card


def test_what_was_half_way_when_everything_was_forgotten_comes_to_its_end(play: Playing) -> None:
    play.fault("kubernetes", "status", "half.*daemonsets", times=-1, status=503)
    gone, half, mute = asked(play, "gone", ""), asked(play, "half", f"--size {SIZE}"), asked(play, "mute", f"--size {SIZE}")
    play.reply(str(mute["ts"]), "Proven: ", seconds=90)
    play.card("cluster gone(.|\n)*Done", seconds=60)
    wait_until(lambda: play.writes("azure", "^PUT.*managedClusters/half/agentPools/gpu"), 60)
    play.card(r"cluster half(.|\n)*NVIDIA device plugin")
    play.command("run mnist --on mute -- --max_steps 1500")
    job = play.card(r"mnist-\w+ on mute")
    wait_until(lambda: play.writes("kubernetes", r"^POST.*/jobs(\?|$)"), 30)
    wait_until(lambda: [row for row in play.requests("kubernetes") if "half" in row["path"] and row["status"] == 503], 60)
    play.call("POST", "/clock", {"speed": 4})
    play.command("cluster delete gone")
    play.click(play.card("delete cluster gone(.|\n)*confirmation"), "confirm", ALICE)
    wait_until(lambda: play.writes("azure", "^DELETE.*managedClusters/gone"), 30)
    play.fault("kubernetes", "status", "mute", times=-1, status=503)
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    store.flushall()
    wait_until(lambda: store.get("{qm}:epoch"), 60, "the epoch")
    told = shown(play.card("I had lost my memory", OPS))
    for words in ("deleting gone", "making half", "API server silent", "`mute`"):
        assert words in told, told
    play.call("POST", "/clock", {"speed": 200})
    play.call("DELETE", "/faults")
    play.reply(str(half["ts"]), "My memory was lost while I was making `half`")
    play.reply(str(half["ts"]), "Proven: ", seconds=120)
    play.reply(str(gone["ts"]), "Cluster `gone`.* deleted", seconds=90)
    play.reply(job["ts"], "succeeded: final", seconds=120)
    assert len(play.writes("azure", "^DELETE.*managedClusters/gone")) == 1
    assert len(play.writes("azure", "^PUT.*managedClusters/half/agentPools/gpu")) == 1
    said = [shown(reply) for one in play.messages(GPU) if one["ts"] == job["ts"] for reply in one["replies"]]
    assert sum("succeeded: final" in text for text in said) == 1
