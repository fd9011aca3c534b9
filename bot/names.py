"""Names that Azure and Kubernetes accept, checked with one set of rules at the parser and again at the edge.

A name that is not checked is a path segment that somebody else wrote: a node pool called ``..`` turns
"delete pool" into DELETE of the cluster URL (measured with azure-mgmt-containerservice 41.8). Hence whole-string
matches only, and no rule admits ``.`` or ``/`` where the name becomes part of a URL.
"""

from __future__ import annotations

import re
from typing import Final

from bot.errors import Refused

RULES: Final[dict[str, tuple[re.Pattern[str], str]]] = {
    "pool": (re.compile(r"[a-z][a-z0-9]{0,11}"), "1-12 lower-case letters and digits, starting with a letter"),
    "cluster": (
        re.compile(r"[a-zA-Z0-9](?:[-_a-zA-Z0-9]{0,61}[a-zA-Z0-9])?"),
        "1-63 letters, digits, `-` and `_`, starting and ending with a letter or digit",
    ),
    "group": (
        re.compile(r"[a-zA-Z0-9_()-](?:[a-zA-Z0-9_().-]{0,88}[a-zA-Z0-9_()-])?(?<!\.)"),
        "1-90 letters, digits, `-`, `_`, `.`, `(` and `)`, neither starting nor ending with a dot",
    ),
    "region": (re.compile(r"[a-z][a-z0-9]{2,29}"), "an Azure region such as `eastus`"),
    "size": (re.compile(r"(?:Standard|Basic)_[A-Za-z0-9]+(?:_[A-Za-z0-9]+){0,4}"), "a VM size such as `Standard_NC4as_T4_v3`"),
    "zone": (re.compile(r"[1-3]"), "1, 2 or 3"),
    "job": (
        re.compile(r"[a-z0-9](?:[-a-z0-9]{0,50}[a-z0-9])?"),
        "1-52 lower-case letters, digits and `-`, starting and ending with a letter or digit",
    ),
    "namespace": (
        re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"),
        "1-63 lower-case letters, digits and `-`, starting and ending with a letter or digit",
    ),
    "env": (re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}"), "letters, digits and `_`, not starting with a digit"),
    "feature": (re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}"), "a preview feature such as `ManagedGPUExperiencePreview`"),
    "template": (re.compile(r"[a-z][-a-z0-9]{0,40}"), "a template such as `mnist`"),
    "version": (re.compile(r"1\.[0-9]{1,2}(?:\.[0-9]{1,3})?"), "a Kubernetes version such as `1.35`"),
    "image": (
        re.compile(
            r"(?=.{1,255}$)[a-z0-9]+(?:[._:-][a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?"
        ),
        "a container image such as `ghcr.io/team/train:1.2`",
    ),
}
# Read by NVIDIA's container runtime: whoever sets them sees devices that the scheduler did not give (NVIDIA/k8s-device-plugin#87).
VISIBLE: Final = "NVIDIA_VISIBLE_DEVICES"
RUNTIME_ENV: Final = (
    VISIBLE, "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_MIG_CONFIG_DEVICES", "NVIDIA_MIG_MONITOR_DEVICES", "NVIDIA_IMEX_CHANNELS",
)  # fmt: skip


def valid(kind: str, value: str) -> bool:
    """Whether the whole of `value` is a name of that kind (a key of :data:`RULES`)."""
    return RULES[kind][0].fullmatch(value) is not None and ".." not in value


def checked(kind: str, value: str) -> str:
    """`value` itself, if it is a valid name of that kind.

    Raises :class:`bot.errors.Refused` (``name.invalid``) otherwise; call it before a name becomes part of a URL.
    """
    if not valid(kind, value):
        raise Refused("name.invalid", kind=kind, value=value[:80], rule=RULES[kind][1])
    return value
