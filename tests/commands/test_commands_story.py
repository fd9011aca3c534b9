"""The commands that the story and the design name, as a person types them, and what the bot understands."""

from __future__ import annotations

import json

import pytest

from bot.commands import BY_KIND, Reply, Request, parse

T4 = "Standard_NC4as_T4_v3"
A100 = "Standard_NC24ads_A100_v4"

UNDERSTOOD = [
    ("nothing at all opens the menu", "", "menu", {}),
    ("spaces are nothing", "   ", "menu", {}),
    (
        "a cluster with a GPU pool for eight hours",
        f"cluster create demo --region eastus --size {T4} --nodes 1 --for 8h",
        "cluster.create",
        {"cluster": "demo", "region": "eastus", "size": T4, "nodes": 1, "for_seconds": 28800},
    ),
    ("a cluster without GPUs", "cluster create demo --region eastus", "cluster.create", {"cluster": "demo", "region": "eastus"}),
    (
        "a cluster with everything said",
        f"cluster create demo --group demo-rg --size {T4} --pool big --kubernetes-version v1.35 --entra --no-local-accounts --system-size D2s_v5",
        "cluster.create",
        {
            "cluster": "demo",
            "group": "demo-rg",
            "size": T4,
            "pool": "big",
            "kubernetes_version": "1.35",
            "entra": True,
            "no_local_accounts": True,
            "system_size": "Standard_D2s_v5",
        },
    ),
    ("all clusters", "cluster list", "query.clusters", {}),
    ("the plural means the list", "clusters", "query.clusters", {}),
    ("one cluster", "cluster show demo", "query.cluster", {"cluster": "demo"}),
    (
        "a cluster made by hand",
        "cluster adopt demo --group rg.1 --for 3d",
        "cluster.adopt",
        {"cluster": "demo", "group": "rg.1", "for_seconds": 259200},
    ),
    ("stop", "cluster stop demo", "cluster.stop", {"cluster": "demo"}),
    ("start", "cluster start demo", "cluster.start", {"cluster": "demo"}),
    ("delete", "cluster delete demo", "cluster.delete", {"cluster": "demo"}),
    ("rm is delete", "cluster rm demo", "cluster.delete", {"cluster": "demo"}),
    ("the size without its prefix", "pool add demo/gpu --size NC4as_T4_v3", "pool.add", {"cluster": "demo", "pool": "gpu", "size": T4}),
    (
        "only the prefix is mended",
        "pool add demo/gpu --size standard_nc4as_t4_v3",
        "pool.add",
        {"cluster": "demo", "pool": "gpu", "size": "Standard_nc4as_t4_v3"},
    ),
    (
        "an autoscaled Spot pool",
        f"pool add demo/big --size {A100} --min 0 --max 4 --spot --eviction deallocate --max-price 1.25",
        "pool.add",
        {"cluster": "demo", "pool": "big", "size": A100, "min": 0, "max": 4, "spot": True, "eviction": "Deallocate", "max_price": "1.25"},
    ),
    (
        "Spot up to the on-demand price",
        f"pool add demo/big --size {A100} --spot --max-price -1",
        "pool.add",
        {"cluster": "demo", "pool": "big", "size": A100, "spot": True, "max_price": "-1"},
    ),
    (
        "zones, MIG, driver, image",
        f"pool add demo/mig --size={A100} --zone 3,1 --zone 1 --mig 1g.10gb --driver managed --os-sku azurelinux",
        "pool.add",
        {"cluster": "demo", "pool": "mig", "size": A100, "zones": ["1", "3"], "mig": "MIG1g", "driver": "managed", "os_sku": "AzureLinux"},
    ),
    (
        "taints, labels, headers",
        "pool add demo/gpu --size NC4as_T4_v3 --taint sku=gpu:noschedule --label team=vision --label tier=2 --header UseWindowsGen2VM=true,A=b",
        "pool.add",
        {
            "cluster": "demo",
            "pool": "gpu",
            "size": T4,
            "taints": ["sku=gpu:NoSchedule"],
            "labels": {"team": "vision", "tier": "2"},
            "headers": {"UseWindowsGen2VM": "true", "A": "b"},
        },
    ),
    (
        "the words that az uses",
        "nodepool add demo/gpu --node-vm-size NC4as_T4_v3 --node-count 2 --node-taints sku=gpu:NoSchedule",
        "pool.add",
        {"cluster": "demo", "pool": "gpu", "size": T4, "nodes": 2, "taints": ["sku=gpu:NoSchedule"]},
    ),
    ("pools of all clusters", "pool list", "query.pools", {}),
    ("pools of one", "pool list demo", "query.pools", {"cluster": "demo"}),
    ("one pool", "pool show demo/gpu", "query.pool", {"cluster": "demo", "pool": "gpu"}),
    ("a space for the slash", "pool show demo gpu", "query.pool", {"cluster": "demo", "pool": "gpu"}),
    ("scale to nothing", "pool scale demo/gpu --nodes 0", "pool.scale", {"cluster": "demo", "pool": "gpu", "nodes": 0}),
    ("scale a range", "pool scale demo/gpu --min 1 --max 4", "pool.scale", {"cluster": "demo", "pool": "gpu", "min": 1, "max": 4}),
    ("stop a pool", "pool stop demo/gpu", "pool.stop", {"cluster": "demo", "pool": "gpu"}),
    ("start a pool", "pool start demo/gpu", "pool.start", {"cluster": "demo", "pool": "gpu"}),
    ("extend by a bare duration", "pool extend demo/gpu 4h", "pool.extend", {"cluster": "demo", "pool": "gpu", "for_seconds": 14400}),
    ("extend by an option", "pool extend demo/gpu --for 1d12h", "pool.extend", {"cluster": "demo", "pool": "gpu", "for_seconds": 129600}),
    ("extend by the usual", "pool extend demo/gpu", "pool.extend", {"cluster": "demo", "pool": "gpu"}),
    ("extend a pool with a space for the slash", "pool extend demo gpu 4h", "pool.extend", {"cluster": "demo", "pool": "gpu", "for_seconds": 14400}),
    ("extend a whole cluster", "cluster extend demo --for 4h", "cluster.extend", {"cluster": "demo", "for_seconds": 14400}),
    ("extend what is named: a cluster", "extend demo 4h", "cluster.extend", {"cluster": "demo", "for_seconds": 14400}),
    ("extend what is named: a pool", "extend demo/gpu 4h", "pool.extend", {"cluster": "demo", "pool": "gpu", "for_seconds": 14400}),
    ("another word for stop", "cluster pause demo", "cluster.stop", {"cluster": "demo"}),
    ("another word for start, not for remove", "cluster resume demo", "cluster.start", {"cluster": "demo"}),
    ("another word for scale", "pool resize demo/gpu --nodes 3", "pool.scale", {"cluster": "demo", "pool": "gpu", "nodes": 3}),
    ("delete a pool", "pool delete demo/gpu", "pool.delete", {"cluster": "demo", "pool": "gpu"}),
    ("abort", "pool abort demo/gpu", "pool.abort", {"cluster": "demo", "pool": "gpu"}),
    ("install the plugin", "plugin install demo", "plugin.install", {"cluster": "demo"}),
    ("plugin status", "plugin status demo", "query.plugin", {"cluster": "demo"}),
    ("upgrade the plugin", "plugin upgrade demo", "plugin.upgrade", {"cluster": "demo"}),
    ("remove the plugin", "plugin remove demo", "plugin.remove", {"cluster": "demo"}),
    ("nodes of all clusters", "nodes", "query.nodes", {}),
    ("nodes of one", "nodes demo", "query.nodes", {"cluster": "demo"}),
    ("check a cluster", "check demo", "gpu.check", {"cluster": "demo"}),
    ("check a pool", "check demo/gpu", "gpu.check", {"cluster": "demo", "pool": "gpu"}),
    ("the document's sample", "run mnist --on demo", "job.run", {"template": "mnist", "cluster": "demo"}),
    (
        "an image with everything said",
        "run ghcr.io/team/train:1.2 --on demo --gpus 2 --name train-7 --timeout 90m --env EPOCHS=10 --env 'NOTE=a b' --cpu 4 --memory 16Gi "
        "--secret hub --secret other.one --retries 2 --spot-ok --pods 4 -- --batch 64 'two words' --env X=1",
        "job.run",
        {
            "image": "ghcr.io/team/train:1.2",
            "cluster": "demo",
            "gpus": 2,
            "name": "train-7",
            "timeout_seconds": 5400,
            "env": {"EPOCHS": "10", "NOTE": "a b"},
            "cpu": "4",
            "memory": "16Gi",
            "secrets": ["hub", "other.one"],
            "retries": 2,
            "spot_ok": True,
            "pods": 4,
            "args": ["--batch", "64", "two words", "--env", "X=1"],
        },
    ),
    ("a template's parameter", "run mnist --set max_steps=100", "job.run", {"template": "mnist", "parameters": {"max_steps": "100"}}),
    ("jobs", "jobs", "query.jobs", {}),
    ("my jobs", "jobs --mine --on demo", "query.jobs", {"mine": True, "cluster": "demo"}),
    ("one job", "job mnist-1", "query.job", {"job": "mnist-1"}),
    (
        "again with changes",
        "job mnist-1 --again --gpus 2 -- --steps 9",
        "job.again",
        {"job": "mnist-1", "again": True, "gpus": 2, "args": ["--steps", "9"]},
    ),
    ("logs", "logs mnist-1 --tail 50", "query.logs", {"job": "mnist-1", "tail": 50}),
    ("cancel", "cancel mnist-1", "job.cancel", {"job": "mnist-1"}),
    ("clean", "clean mnist-1", "job.clean", {"job": "mnist-1"}),
    ("sizes", "sizes", "query.sizes", {}),
    ("sizes by model and price", "sizes --region eastus --gpu A100 --under 5", "query.sizes", {"region": "eastus", "gpu": "A100", "under": "5"}),
    ("a price", "price NC4as_T4_v3", "query.price", {"size": T4}),
    ("quota", "quota eastus", "query.quota", {"region": "eastus"}),
    ("register a feature", "feature register ManagedGPUExperiencePreview", "feature.register", {"feature": "ManagedGPUExperiencePreview"}),
    ("status of a feature", "feature status ManagedGPUExperiencePreview", "query.feature", {"feature": "ManagedGPUExperiencePreview"}),
    ("status", "status", "query.status", {}),
    ("digest now", "digest now", "digest.now", {}),
    ("digest show", "digest show", "query.digest", {}),
    ("digest off", "digest off", "digest.off", {}),
    ("audit", "audit --since 7d", "query.audit", {"since_seconds": 604800}),
    ("budget", "budget --month 2026-11", "query.budget", {"month": "2026-11"}),
]


@pytest.mark.parametrize(("text", "kind", "values"), [case[1:] for case in UNDERSTOOD], ids=[case[0] for case in UNDERSTOOD])
def test_what_is_typed_is_what_is_understood(text: str, kind: str, values: dict[str, object]) -> None:
    request = parse(text)
    assert isinstance(request, Request), request
    assert (request.kind, dict(request.values)) == (kind, values)


@pytest.mark.parametrize("text", [case[1] for case in UNDERSTOOD])
def test_a_request_survives_the_journal_and_its_own_text(text: str) -> None:
    """What was understood can be written down as JSON, and its text gives the same request again."""
    request = parse(text)
    assert isinstance(request, Request)
    assert Request.from_json(json.loads(json.dumps(request.as_json()))) == request
    again = parse(request.text)
    assert isinstance(again, Request)
    assert (again.kind, again.values) == (request.kind, request.values)


def test_a_record_of_an_older_version_is_read() -> None:
    assert Request.from_json({"kind": "query.nodes"}) == Request((), "query.nodes")


def test_each_kind_of_the_table_is_defined_and_every_kind_is_in_the_table() -> None:
    assert {case[2] for case in UNDERSTOOD} | {"help", "digest.set"} == set(BY_KIND)


def test_a_template_is_only_refused_where_the_known_ones_are_given() -> None:
    assert isinstance(parse("run mnits"), Request)
    reply = parse("run mnits --on demo", templates=["mnist", "nvidia-smi"])
    assert isinstance(reply, Reply)
    assert "`/gpu run mnist --on demo`" in reply.text
    assert "nvidia-smi" in reply.text
    assert isinstance(parse("run ghcr.io/a/b:1", templates=["mnist"]), Request)
