"""Node capacity as people see it."""

from __future__ import annotations

from decimal import Decimal

from bot.cluster.nodes import tally
from bot.operations.nodeview import HEADING, View
from tests.cluster.build import NOW, node, pod, unschedulable


def view(nodes: list[dict[str, object]], pods: list[dict[str, object]], prices: dict[str, Decimal] | None = None) -> View:
    return View("lab", tally(nodes, pods, prices), NOW.timestamp(), {"U0ALICE": "alice"})


def row(found: View, name: str) -> dict[str, str]:
    return next(dict(zip(HEADING, cells, strict=True)) for cells in found.rows() if cells[HEADING.index("Node")] == name)


def test_a_node_shows_counts_model_holders_with_owner_and_since_state_age_and_price() -> None:
    held = pod("train-x", on="n1", job="train", gpus=2, labels={"quartermaster-owner": "U0ALICE"}, age=7500)
    found = view([node("n1", gpus=4, allocatable=3, age=100_000)], [held], {"gpu": Decimal("4.1")})
    assert row(found, "n1") == {
        "Node": "n1", "Free": "1 of 3", "Held by": "alice: train 2×, 2 h", "GPU": "T4", "State": "1 of 4 nvidia.com/gpu not allocatable",
        "Age": "1 d", "$/h": "4.10", "In use": "2", "Allocatable": "3", "Capacity": "4", "Name in Kubernetes": "n1",
    }  # fmt: skip


def test_nobody_is_mentioned_and_a_stranger_is_shown_by_what_is_known() -> None:
    pods = [pod("a", on="n1", job=None, namespace="team-b"), pod("b", on="n1", labels={"quartermaster-owner": "U0NEW"})]
    found = view([node("n1", gpus=4)], pods)
    assert row(found, "n1")["Held by"] == "team-b: a, 10 min; U0NEW: train, 10 min"
    assert "<@" not in str(found.blocks()) + str(found.plain())


def test_a_phone_shows_node_free_and_holder_first_and_short() -> None:
    name = "aks-gpu-35366952-vmss00000z"
    held = pod("train-x", on=name, job="train", labels={"quartermaster-owner": "U0ALICE"}, age=300)
    (cells,) = view([node(name)], [held]).rows()
    assert cells[:3] == ["gpu/z", "0 of 1", "alice: train, 5 min"]
    assert cells[-1] == name


def test_an_unknown_price_is_a_question_mark_and_makes_no_sum() -> None:
    found = view([node("n1"), node("n2", pool="other")], [], {"gpu": Decimal("0.5")})
    assert [row(found, name)["$/h"] for name in ("n1", "n2")] == ["0.50", "?"]
    assert "/h" not in str(found.blocks()[0]).partition("`gpu`")[0]


def test_what_fits_now_is_said_for_each_resource_and_pool() -> None:
    nodes = [node("a", gpus=2), node("b", gpus=4), node("m", pool="mig", size="Standard_NC24ads_A100_v4", gpus=7, resource="nvidia.com/mig-1g.10gb")]
    head = str(view(nodes, [pod("p", on="b", gpus=3)]).blocks()[0])
    assert "*3* of *6* GPUs free · largest free block: 2 GPUs" in head
    assert "*7* of *7* `mig-1g.10gb` free · largest free block: 7 `mig-1g.10gb`" in head
    assert "`gpu` 2 × T4: 3 of 6 free" in head
    assert "`mig` 1 × A100: 7 of 7 free" in head


def test_what_is_wrong_and_what_waits_stands_below_in_plain_words() -> None:
    said = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    waiting = [pod(f"w{number}", on=None, phase="Pending", job=f"w{number}", conditions=unschedulable(said), age=60 + number) for number in range(6)]
    notes = str(view([node("a", ready="False", ready_message="cni <not> ready")], waiting).blocks()[-1])
    assert "`a`: not Ready: cni &lt;not&gt; ready" in notes
    assert "`w5` (default, 1 min) waits for 1 GPU: no free GPU on 2 nodes" in notes
    assert "… and 2 more wait" in notes


def test_the_nodes_with_the_most_free_gpus_come_first() -> None:
    found = view([node("a", gpus=1), node("b", gpus=8), node("c", gpus=4)], [pod("p", on="b", gpus=8)])
    assert [cells[HEADING.index("Node")] for cells in found.rows()] == ["c", "a", "b"]


def test_a_cluster_without_gpu_nodes_says_so() -> None:
    (block,) = view([node("sys", pool="system", size="Standard_D4s_v5", gpus=None)], []).blocks()
    assert block["text"]["text"] == "`lab` has no GPU nodes (1 other)."
