"""The story, points 1-7: the same that `make tour` prints, from the first command to the last deletion."""

from __future__ import annotations

from tests.playing import GPU, Playing, shown
from tests.tour import Tour


def test_the_whole_document_from_chat(play: Playing) -> None:
    assert Tour(play).run() == 0
    create = next(one for one in play.messages(GPU) if "cluster demo" in shown(one))
    said = "\n".join(shown(reply) for reply in create["replies"])
    # Point 1: what it costs per hour and until expiry, what is one-way, who has to agree and why.
    assert "resource group quartermaster-demo" in said
    assert "/h" in said
    assert "Cannot be changed later" in said
    assert "approval" in said.lower()
    # Point 2: the card shows who decided.
    assert "Approved by" in shown(create)
    # Point 5: capacity is said only after the proof, and the proof names the GPU.
    assert said.index("Approved by") < said.index("Tesla T4")
    # Point 6: one completion message.
    jobs = [one for one in play.messages(GPU) if any("succeeded: final" in shown(reply) for reply in one["replies"])]
    assert len(jobs) == 1
    assert sum("succeeded: final" in shown(reply) for reply in jobs[0]["replies"]) == 1


def test_what_was_sent_to_azure_is_what_the_plan_said(play: Playing) -> None:
    puts = [line.split("?")[0] for line in play.writes("azure", "^PUT")]
    assert sum(line.endswith("/resourcegroups/quartermaster-demo") or line.endswith("/resourceGroups/quartermaster-demo") for line in puts) == 1
    assert sum(line.endswith("/managedClusters/demo") for line in puts) == 1
    assert sum(line.endswith("/agentPools/gpu") for line in puts) == 1
