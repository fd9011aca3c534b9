"""Every cause for which GPUs cannot be used (yet), as people read it. The keys are the codes of a verdict.

Whatever does not pass by itself has a next step, as something to type or to do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bot.words import Words

CAUSES: Final[dict[str, Words]] = {
    # The pool and its machines
    "pool_not_succeeded": Words("AKS reports pool `{pool}` as {state}.", "`/gpu pool show {cluster}/{pool}` has Azure's own error."),
    "pool_stopped": Words("Pool `{pool}` is stopped.", "`/gpu pool start {cluster}/{pool}` brings its nodes back."),
    "profile_differs": Words(
        "Pool `{pool}` has another GPU profile than was asked for: {difference}.",
        "It is fixed at creation: `/gpu pool delete {cluster}/{pool}`, then add it again.",
    ),
    "nodes_missing": Words(
        "Only {have} of {want} nodes of pool `{pool}` have joined the cluster.",
        "Scale the pool down and up, unless somebody deleted the node on purpose: then scale it down.",
    ),
    "spot_evicted": Words(
        "Only {have} of {want} Spot nodes of pool `{pool}` are there: Azure took the others back, or has none to give.",
        "Wait for capacity, or add a pool that is not Spot.",
    ),
    "node_booting": Words("Node `{node}` is booting.", "It becomes Ready within some minutes."),
    "node_not_ready": Words("Node `{node}` is not Ready: {detail}.", "If it stays so, replace the node: scale the pool down and up."),
    "node_cordoned": Words("Node `{node}` is cordoned: it takes no new pods.", "`kubectl uncordon {node}`, unless an upgrade is under way."),
    "node_unhealthy": Words("Node `{node}` reports {condition}: {detail}.", "Replace the node: scale the pool down and up."),
    "wrong_size": Words("Node `{node}` is a {have}, not a {want}.", "Somebody made the pool anew: look at `/gpu pool show {cluster}/{pool}`."),
    # Drivers
    "driver_none": Words(
        "Pool `{pool}` was made with driver `None`: nothing has installed an NVIDIA driver.", "Install the GPU Operator, or add a pool with a driver."
    ),
    "driver_missing": Words(
        "The NVIDIA driver on `{node}` does not answer: {detail}.",
        "Replace the node: scale the pool down and up. With driver `None`, install the GPU Operator.",
    ),
    "driver_mismatch": Words("On `{node}` the driver's parts are of different versions: {detail}.", "Replace the node: scale the pool down and up."),
    "cuda_too_new": Words(
        "The driver on `{node}` is too old for the image's CUDA: {detail}.",
        "Use an image for an older CUDA, or upgrade the node image.",
    ),
    "runtime_broken": Words(
        "The container runtime on `{node}` cannot hand GPUs to containers: {detail}.", "Replace the node: scale the pool down and up."
    ),
    # The device plugin
    "plugin_missing": Words("The NVIDIA device plugin is not installed.", "`/gpu plugin install {cluster}` installs it."),
    "plugin_conflict": Words("Two device plugins run on `{node}`.", "Keep one: `/gpu plugin remove {cluster}` takes ours away."),
    "plugin_not_tolerating": Words(
        "The device plugin does not tolerate the taint `{taint}` of `{node}`.",
        "Add the pool again without that taint, or let the plugin tolerate it.",
    ),
    "plugin_not_selecting": Words(
        "The device plugin passes over `{node}`: its labels do not match.", "Label it: `kubectl label node {node} accelerator=nvidia`."
    ),
    "plugin_image": Words("The device plugin's image cannot be pulled on `{node}`: {detail}.", "Allow the cluster to reach nvcr.io."),
    "plugin_crashing": Words(
        "The device plugin crashes on `{node}` ({restarts} restarts): {detail}.", "`/gpu plugin install {cluster}` puts ours in order."
    ),
    "plugin_evicted": Words(
        "The device plugin was evicted from `{node}`: {detail}.", "Something else needs the node's memory or disk: look at `/gpu nodes {cluster}`."
    ),
    "plugin_starting": Words("The device plugin is starting on `{node}`.", "It takes some seconds."),
    "plugin_refused": Words("`{node}` has no running device plugin: {detail}.", "`/gpu plugin status {cluster}` shows all nodes."),
    "plugin_stuck": Words("The device plugin's container on `{node}` is not made: {detail}.", "Replace the node: scale the pool down and up."),
    "managed_plugin": Words("AKS' own device plugin on `{node}` is unhealthy: {detail}.", "Replace the node, or open a ticket with Azure."),
    "managed_dcgm": Words("AKS' own GPU monitoring (DCGM) on `{node}` is unhealthy: {detail}.", "Replace the node, or open a ticket with Azure."),
    # What the node offers
    "gpus_not_advertised": Words(
        "`{node}` does not offer `{resource}`, though the device plugin runs.",
        "Restart the plugin's pod there; if that does not help, replace the node.",
    ),
    "gpus_arriving": Words("`{node}` does not offer `{resource}` yet.", "The kubelet reports it within seconds."),
    "not_allocatable": Words(
        "`{node}` has {capacity} `{resource}`, but none is allocatable.",
        "The device plugin lost its connection to the kubelet: restart its pod.",
    ),
    "gpu_lost": Words("`{node}` offers {have} of {want} `{resource}`: a GPU is lost.", "Replace the node: scale the pool down and up."),
    "too_many": Words(
        "`{node}` offers {have} `{resource}`, {want} were expected.", "Time-slicing or another MIG profile is set up: jobs share GPUs there."
    ),
    "wrong_resource": Words(
        "`{node}` offers `{have}`, not `{want}`.", "The plugin's MIG strategy is another one: `/gpu plugin install {cluster}`, or ask for `{have}`."
    ),
    "mig_not_applied": Words(
        "MIG profile {mig} is not applied on `{node}`: it offers {have}.",
        "The plugin may lack the strategy, or the node its profile: scale the pool down and up.",
    ),
    # The probe
    "probe_missing": Words("The probe has not run yet."),
    "probe_refused": Words("The cluster refused the probe: {detail}.", "Ask the cluster's owner for room for one pod with one GPU."),
    "probe_waiting": Words("The probe waits for a node: {detail}.", "Look at `/gpu nodes {cluster}`, and at what else runs there."),
    "probe_no_room": Words("Every GPU of pool `{pool}` is in use; the probe waits for a free one.", "`/gpu nodes {cluster}` says who holds them."),
    "probe_starting": Words("The probe is starting ({detail})."),
    "probe_image": Words("The probe's image cannot be pulled: {detail}.", "Allow the cluster to reach nvcr.io."),
    "probe_stuck": Words("The probe's container on `{node}` is not made: {detail}.", "Replace the node: scale the pool down and up."),
    "probe_running": Words(
        "The probe runs on `{node}` and has not been heard yet.",
        "If it stays silent, the driver or a GPU there hangs: replace the node, scale the pool down and up.",
    ),
    "probe_admission": Words("`{node}` refused the probe: {detail}.", "The device plugin and the kubelet disagree: restart the plugin's pod."),
    "probe_evicted": Words(
        "The probe was evicted from `{node}`: {detail}.", "Something else needs the node's memory or disk: look at `/gpu nodes {cluster}`."
    ),
    "probe_lost": Words("`{node}` was lost while the probe ran on it.", "If it stays so, replace the node: scale the pool down and up."),
    "probe_no_gpu": Words("The probe on `{node}` saw no GPU: {detail}.", "Replace the node: scale the pool down and up."),
    "probe_other_model": Words("The probe saw {have}, the size promises {want}.", "Look at `/gpu pool show {cluster}/{pool}`."),
    "probe_other_pool": Words(
        "The probe ran on `{node}`, which is not in pool `{pool}`.", "Its nodes lack the pool's label: look at `/gpu nodes {cluster}`."
    ),
    "probe_unreadable": Words(
        "The probe ended well, but its output names no driver or GPU.", "Something else answers for `nvidia-smi`: look at the node."
    ),
    "probe_failed": Words("The probe failed on `{node}`: {detail}.", "If it fails again, replace the node: scale the pool down and up."),
}

# Wrapping by the kubelet, and the heads of klog's lines.
_NOISE: Final = re.compile(
    r'rpc error: code = \w+ desc = |Back-off pulling image "[^"]*": (?:ErrImagePull: )?|Failed to create pod sandbox: |Pod was rejected: '
    r"|, which is unexpected$|\b[IWEF](?:\d{4} [\d:.]+ +\d+)? \S+\.go:\d+\] "
)
_LONGEST: Final = 160


def words_for(cause: str, blanks: Mapping[str, object]) -> tuple[str, str]:
    """(what is wrong, what to do) with the blanks filled in; what Kubernetes said is cut down to what can be read on a phone."""
    filled = {key: brief(value) if isinstance(value, str) else value for key, value in blanks.items()}
    row = CAUSES[cause]
    return row.sentence.format_map(filled), row.next_step.format_map(filled)


def brief(text: str) -> str:
    """One line without the layers of wrapping around it, and without a full stop: the sentence has its own."""
    line = _NOISE.sub("", " ".join(text.split())).strip(" .:")
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1].rstrip() + "…"
