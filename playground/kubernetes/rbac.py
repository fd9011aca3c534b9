"""Who may do what: tokens stand for an administrator, a reader (get, list, watch) and a nobody (Kubernetes: RBAC)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from playground.azure.identity import PRINCIPAL, audience_of
from playground.kubernetes.calls import Target
from playground.kubernetes.objects import Json
from playground.kubernetes.statuses import forbidden, unauthorized

# The application of AKS's own API servers in Entra ID; tokens for Entra-enabled clusters carry it as audience.
AKS_SERVER_APP = "6dae42f8-4368-4678-94ff-3960e28e3630"
READING = ("get", "list", "watch")
ROLES = ("admin", "reader", "nobody")


@dataclass(frozen=True)
class User:
    """`role` is one of :data:`ROLES`."""

    name: str
    role: str
    groups: tuple[str, ...] = ("system:authenticated",)

    def may(self, verb: str, resource: str) -> bool:
        """Whether the role permits `verb` on `resource` (plural, with subresource)."""
        if self.role == "admin":
            return True
        return self.role == "reader" and verb in READING and resource != "secrets"


def token_of(cluster_id: str, role: str) -> str:
    """The bearer token of a role in one cluster."""
    return f"playground-{role}-{hashlib.sha256(f'{cluster_id}/{role}'.encode()).hexdigest()[:40]}"


def authenticate(cluster_id: str, header: str) -> User:
    """The user of an Authorization header. Raises ApiError 401."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized()
    for role in ROLES:
        if token == token_of(cluster_id, role):
            groups = ("system:masters", "system:authenticated") if role == "admin" else ("system:authenticated",)
            return User({"admin": "masterclient", "reader": "playground-reader", "nobody": "playground-nobody"}[role], role, groups)
    return _entra_user(token)


def _entra_user(token: str) -> User:
    """The identity in an Entra token for AKS's server application."""
    audience = audience_of(token)
    if audience is None or audience.removeprefix("api://") != AKS_SERVER_APP:
        raise unauthorized()
    return User(PRINCIPAL, "admin")


def authorise(user: User, verb: str, target: Target) -> None:
    """Raise ApiError 403 unless `user` may."""
    resource = target.resource
    full = resource.plural + (f"/{target.subresource}" if target.subresource else "")
    if user.may(verb, full):
        return
    where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    why = f'User "{user.name}" cannot {verb} resource "{full}" in API group "{resource.group}" {where}'
    raise forbidden(resource, target.name, why)


def access_review(user: User, body: Json) -> Json:
    """A SelfSubjectAccessReview with its answer (`kubectl auth can-i`)."""
    spec = body.get("spec") or {}
    asked = spec.get("resourceAttributes") or {}
    resource = str(asked.get("resource", ""))
    if asked.get("subresource"):
        resource += f"/{asked['subresource']}"
    allowed = user.may(str(asked.get("verb", "get")), resource)
    if "nonResourceAttributes" in spec:
        allowed = user.role != "nobody" or str(spec["nonResourceAttributes"].get("path", "")).startswith(("/api", "/version", "/healthz"))
    return {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "spec": spec,
        "status": {"allowed": allowed, "reason": f"role {user.role}"} if allowed else {"allowed": False},
    }


def self_review(user: User) -> Json:
    """A SelfSubjectReview (`kubectl auth whoami`)."""
    return {
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "status": {"userInfo": {"username": user.name, "groups": list(user.groups)}},
    }
