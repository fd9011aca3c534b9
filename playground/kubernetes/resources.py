"""Which resources the simulated API server serves."""

from __future__ import annotations

from dataclasses import dataclass

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Resource:
    """One resource type; `group` is empty for the core group, `plural` is unique over all groups."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    short: tuple[str, ...] = ()
    status: bool = False
    verbs: tuple[str, ...] = ALL_VERBS
    categories: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """As objects write it: ``v1``, ``batch/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """As errors write it: ``pods``, ``jobs.batch``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """As 422 writes it: ``Pod``, ``Job.batch``."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


NODES = Resource("", "v1", "nodes", "Node", False, ("no",), status=True)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", False, ("ns",), status=True)
PODS = Resource("", "v1", "pods", "Pod", True, ("po",), status=True, categories=("all",))
EVENTS = Resource("", "v1", "events", "Event", True, ("ev",))
SECRETS = Resource("", "v1", "secrets", "Secret", True)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", True, ("sa",))
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", True, ("cm",))
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet", True, ("ds",), status=True, categories=("all",))
JOBS = Resource("batch", "v1", "jobs", "Job", True, status=True, categories=("all",))
PRIORITY_CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", False, ("pc",))

RESOURCES = (
    NODES,
    NAMESPACES,
    PODS,
    EVENTS,
    SECRETS,
    SERVICE_ACCOUNTS,
    CONFIG_MAPS,
    DAEMON_SETS,
    JOBS,
    PRIORITY_CLASSES,
)
# Reviews are created and answered, never kept.
REVIEWS = (
    Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False, verbs=("create",)),
    Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", False, verbs=("create",)),
)
BY_PATH = {(one.group, one.version, one.plural): one for one in (*RESOURCES, *REVIEWS)}
BY_KIND = {(one.api_version, one.kind): one for one in (*RESOURCES, *REVIEWS)}
BY_PLURAL = {one.plural: one for one in RESOURCES}
