"""Commands for what costs money by the hour: clusters, node pools, and what is enabled on them."""

from __future__ import annotations

from typing import Final

from bot.commands import checks, pairs, values
from bot.commands.model import Argument, Command, Option, Role

_CLUSTER: Final = Argument("cluster", values.CLUSTER)
_TARGET: Final = Argument("target", values.TARGET, split=True)
_FOR: Final = Option("for", values.DURATION, "delete after this time (90m, 8h, 3d)", key="for_seconds")
_REGION: Final = Option("region", values.REGION, "Azure region", aliases=("location", "l"))
_VERSION: Final = Option("kubernetes-version", values.KUBERNETES_VERSION, "Kubernetes version", aliases=("version", "k"))

_SHAPE: Final = (
    Option("nodes", values.COUNT, "nodes (1)", aliases=("node-count", "count", "c")),
    Option("min", values.SCALE, "fewest nodes (autoscaler)", aliases=("min-count",)),
    Option("max", values.COUNT, "most nodes (autoscaler)", aliases=("max-count",)),
    Option("spot", None, "cheap, can be evicted"),
    Option("eviction", values.choice("POLICY", ("Delete", "Deallocate"), "Delete"), "Spot: Delete or Deallocate", aliases=("eviction-policy",)),
    Option("max-price", values.money("USD", "-1", 5, minus_one=True), "Spot: most to pay per node-hour", aliases=("spot-max-price",)),
    Option("zone", values.ZONES, "availability zone 1-3", key="zones", many="list", aliases=("zones",)),
    Option("mig", values.MIG, "split each GPU: 1g 2g 3g 4g 7g", aliases=("gpu-instance-profile",)),
    Option(
        "driver",
        values.choice("D", ("managed", "driver-only", "none"), "managed", {"install": "driver-only"}),
        "managed, driver-only or none",
        aliases=("gpu-driver",),
    ),
    Option("os-sku", values.choice("OS", ("Ubuntu", "Ubuntu2204", "Ubuntu2404", "AzureLinux", "AzureLinux3"), "Ubuntu"), "node image"),
    Option("taint", pairs.TAINT, "another taint", key="taints", many="list", aliases=("node-taints",)),
    Option("label", pairs.LABEL, "another node label", key="labels", many="map", aliases=("labels",)),
    Option("header", pairs.HEADERS, "custom AKS header", key="headers", many="map", aliases=("aks-custom-headers",)),
)
_NODE_SIZE: Final = ("node-vm-size", "vm-size", "sku", "s")
_POOL_CHECKS: Final = (checks.nodes_or_range, checks.spot_options, checks.mig_needs_driver)

CLUSTERS: Final = (
    Command(
        ("cluster", "create"),
        "cluster.create",
        "new cluster, with a GPU pool if a size is given",
        arguments=(_CLUSTER,),
        options=(
            _REGION,
            Option("size", values.SIZE, "GPU size of its pool", aliases=_NODE_SIZE),
            _FOR,
            Option("pool", values.POOL, "name of the GPU pool (gpu)"),
            Option("group", values.GROUP, "resource group", aliases=("resource-group", "g")),
            _VERSION,
            *_SHAPE,
            Option("system-size", values.SIZE, "size of the system pool"),
            Option("entra", None, "sign-in through Microsoft Entra ID"),
            Option("no-local-accounts", None, "no local accounts (needs --entra)"),
        ),
        examples=("cluster create demo --region eastus --size Standard_NC4as_T4_v3 --nodes 1 --for 8h",),
        changes=True,
        aliases=(("cluster", "add"), ("cluster", "new"), ("create", "cluster")),
        checks=(*_POOL_CHECKS, checks.pool_options_need_size, checks.local_accounts_need_entra),
    ),
    Command(("cluster", "list"), "query.clusters", "all clusters", examples=("cluster list",), aliases=(("clusters",), ("cluster", "ls"))),
    Command(
        ("cluster", "show"),
        "query.cluster",
        "one cluster: pools, owner, price, expiry",
        arguments=(_CLUSTER,),
        examples=("cluster show demo",),
        aliases=(("cluster", "describe"), ("cluster", "status"), ("cluster", "info")),
    ),
    Command(
        ("cluster", "adopt"),
        "cluster.adopt",
        "take over a cluster made by hand",
        Role.OPERATOR,
        arguments=(_CLUSTER,),
        options=(Option("group", values.GROUP, "its resource group", aliases=("resource-group", "g")), _FOR),
        examples=("cluster adopt demo --group demo-rg",),
        changes=True,
    ),
    Command(
        ("cluster", "stop"),
        "cluster.stop",
        "stop it: no node costs, slow to start",
        arguments=(_CLUSTER,),
        examples=("cluster stop demo",),
        changes=True,
        aliases=(("cluster", "pause"),),
    ),
    Command(
        ("cluster", "start"),
        "cluster.start",
        "start it again",
        arguments=(_CLUSTER,),
        examples=("cluster start demo",),
        changes=True,
        aliases=(("cluster", "resume"),),
    ),
    Command(
        ("cluster", "extend"),
        "cluster.extend",
        "move its expiry, and that of the pools made with it",
        arguments=(_CLUSTER, Argument("for_seconds", values.DURATION, required=False)),
        options=(_FOR,),
        examples=("cluster extend demo 4h",),
        changes=True,
        aliases=(("extend",), ("cluster", "prolong")),
    ),
    Command(
        ("cluster", "delete"),
        "cluster.delete",
        "delete it and all its pools (asks back)",
        arguments=(_CLUSTER,),
        examples=("cluster delete demo",),
        changes=True,
        destructive=True,
        aliases=(("cluster", "rm"), ("cluster", "remove"), ("cluster", "destroy"), ("delete", "cluster")),
    ),
)

POOLS: Final = (
    Command(
        ("pool", "add"),
        "pool.add",
        "add a GPU node pool",
        arguments=(_TARGET,),
        options=(Option("size", values.SIZE, "GPU size", required=True, aliases=_NODE_SIZE), _FOR, _VERSION, *_SHAPE),
        examples=(
            "pool add demo/gpu --size Standard_NC4as_T4_v3 --for 8h",
            "pool add demo/big --size Standard_NC24ads_A100_v4 --min 0 --max 4 --spot",
        ),
        changes=True,
        aliases=(("pool", "create"), ("pool", "new")),
        checks=_POOL_CHECKS,
    ),
    Command(
        ("pool", "list"),
        "query.pools",
        "node pools",
        arguments=(Argument("cluster", values.CLUSTER, required=False),),
        examples=("pool list demo",),
        aliases=(("pools",), ("pool", "ls")),
    ),
    Command(
        ("pool", "show"),
        "query.pool",
        "one pool: owner, price, expiry, state",
        arguments=(_TARGET,),
        examples=("pool show demo/gpu",),
        aliases=(("pool", "describe"), ("pool", "status"), ("pool", "info")),
    ),
    Command(
        ("pool", "scale"),
        "pool.scale",
        "change the number of nodes, or the autoscaler's range",
        arguments=(_TARGET,),
        options=(
            Option("nodes", values.SCALE, "nodes", aliases=("node-count", "count", "c")),
            Option("min", values.SCALE, "fewest nodes (autoscaler)", aliases=("min-count",)),
            Option("max", values.COUNT, "most nodes (autoscaler)", aliases=("max-count",)),
        ),
        examples=("pool scale demo/gpu --nodes 2", "pool scale demo/gpu --min 0 --max 4"),
        changes=True,
        aliases=(("pool", "resize"), ("pool", "autoscale")),
        checks=(checks.some_nodes, checks.nodes_or_range),
    ),
    Command(
        ("pool", "stop"),
        "pool.stop",
        "stop its nodes; the pool stays",
        arguments=(_TARGET,),
        examples=("pool stop demo/gpu",),
        changes=True,
        aliases=(("pool", "pause"),),
    ),
    Command(
        ("pool", "start"),
        "pool.start",
        "start its nodes again",
        arguments=(_TARGET,),
        examples=("pool start demo/gpu",),
        changes=True,
        aliases=(("pool", "resume"),),
    ),
    Command(
        ("pool", "extend"),
        "pool.extend",
        "move its expiry",
        arguments=(_TARGET, Argument("for_seconds", values.DURATION, required=False)),
        options=(_FOR,),
        examples=("pool extend demo/gpu 4h",),
        changes=True,
        aliases=(("extend",), ("pool", "prolong")),
    ),
    Command(
        ("pool", "delete"),
        "pool.delete",
        "delete it (asks back)",
        arguments=(_TARGET,),
        examples=("pool delete demo/gpu",),
        changes=True,
        destructive=True,
        aliases=(("pool", "rm"), ("pool", "remove"), ("pool", "destroy"), ("delete", "pool")),
    ),
    Command(
        ("pool", "abort"), "pool.abort", "abort what Azure is doing to it", arguments=(_TARGET,), examples=("pool abort demo/gpu",), changes=True
    ),
)

PLUGIN: Final = (
    Command(
        ("plugin", "install"),
        "plugin.install",
        "install NVIDIA's device plugin",
        arguments=(_CLUSTER,),
        examples=("plugin install demo",),
        changes=True,
        aliases=(("plugin", "add"), ("plugin", "enable")),
    ),
    Command(
        ("plugin", "status"),
        "query.plugin",
        "is it there and running, node by node",
        arguments=(_CLUSTER,),
        examples=("plugin status demo",),
        aliases=(("plugin", "show"),),
    ),
    Command(
        ("plugin", "upgrade"),
        "plugin.upgrade",
        "bring it to the release that this bot ships",
        arguments=(_CLUSTER,),
        examples=("plugin upgrade demo",),
        changes=True,
        aliases=(("plugin", "update"),),
    ),
    Command(
        ("plugin", "remove"),
        "plugin.remove",
        "take it out: the GPUs can no longer be scheduled (asks back)",
        arguments=(_CLUSTER,),
        examples=("plugin remove demo",),
        changes=True,
        destructive=True,
        aliases=(("plugin", "delete"), ("plugin", "uninstall"), ("plugin", "rm")),
    ),
)

FEATURES: Final = (
    Command(
        ("feature", "register"),
        "feature.register",
        "register a preview feature of AKS",
        Role.OPERATOR,
        arguments=(Argument("feature", values.FEATURE),),
        examples=("feature register ManagedGPUExperiencePreview",),
        changes=True,
    ),
    Command(
        ("feature", "status"),
        "query.feature",
        "is it registered",
        arguments=(Argument("feature", values.FEATURE),),
        examples=("feature status ManagedGPUExperiencePreview",),
        aliases=(("feature", "show"),),
    ),
)
