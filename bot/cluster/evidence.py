"""What a proof rests on: the expectation, what was seen, and the verdict's shape. Plain values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.cluster.objects import GPU


@dataclass(frozen=True)
class Expectation:
    """What the pool was promised to be.

    `per_node` devices of `resource` on each of `nodes` nodes. `gpu_profile_driver` is AKS's `gpuProfile.driver` ("Install", "None"),
    `managed` whether AKS runs the GPU stack, `mig` its GPU instance profile (`MIG1g`). `pool_state` and `power_state` are what ARM reports,
    `profile_difference` what ARM read back otherwise than asked (empty: as asked). `spot`: nodes may vanish; `autoscaling`: nodes come
    and go. `cluster` is its name, for what people are told to type.
    """

    pool: str
    nodes: int
    per_node: int
    resource: str = GPU
    gpu_profile_driver: str = "Install"
    managed: bool = False
    mig: str | None = None
    size: str = ""
    spot: bool = False
    autoscaling: bool = False
    pool_state: str = "Succeeded"
    power_state: str = "Running"
    profile_difference: str = ""
    cluster: str = "CLUSTER"


@dataclass(frozen=True)
class NodeEvidence:
    """One node of the pool. `bad` holds conditions that are True and mean harm; GPU amounts by resource name."""

    name: str
    ready: bool
    ready_status: str
    ready_detail: str
    size: str
    created: datetime | None
    cordoned: bool = False
    bad: Mapping[str, str] = field(default_factory=dict)
    capacity: Mapping[str, int] = field(default_factory=dict)
    allocatable: Mapping[str, int] = field(default_factory=dict)
    selected: bool = True
    untolerated: tuple[str, ...] = ()


@dataclass(frozen=True)
class PluginEvidence:
    """A device plugin's pod on a node of the pool, `made` then, and so `since` it became ready (or was made).

    `text` is the end of its log, read only where it crashes, or runs and yet its node offers nothing.
    """

    node: str
    pod: str
    ready: bool
    reason: str = ""
    detail: str = ""
    restarts: int = 0
    since: datetime | None = None
    made: datetime | None = None
    namespace: str = ""
    text: str = ""


@dataclass(frozen=True)
class ProbeEvidence:
    """The probe pod. `phase` "refused": the cluster would not take it. `text` is its log; `made` when it was made."""

    phase: Literal["refused", "pending", "running", "succeeded", "failed"]
    node: str | None = None
    reason: str = ""
    detail: str = ""
    text: str = ""
    made: datetime | None = None


@dataclass(frozen=True)
class Evidence:
    """Everything seen at `at`. `plugin_installed`: some DaemonSet of a device plugin exists. `gpus_in_use`: held by other pods."""

    at: datetime
    nodes: tuple[NodeEvidence, ...] = ()
    plugin_installed: bool = False
    plugins: tuple[PluginEvidence, ...] = ()
    probe: ProbeEvidence | None = None
    gpus_in_use: int = 0


@dataclass(frozen=True)
class Verdict:
    """`ready` only if everything was seen. Otherwise `cause` (a key of :data:`bot.cluster.causes.CAUSES`), in words, and whether it is
    likely to pass by itself (`waiting`). `evidence` lines say what was seen, whatever the verdict."""

    ready: bool
    cause: str | None
    sentence: str
    next_step: str = ""
    evidence: tuple[str, ...] = ()
    waiting: bool = False
    driver: str | None = None
    cuda: str | None = None
    model: str | None = None
