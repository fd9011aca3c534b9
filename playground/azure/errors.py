"""The ways Azure says no, in its two shapes: ``{"error": {…}}`` (Resource Manager) and flat ``{code, message, …}`` (the AKS provider)."""

from __future__ import annotations

from typing import Any

from aiohttp import web


class ArmError(Exception):
    """An answer of 4xx/5xx. `flat`: the AKS provider's own shape; `by_gateway`: said by Resource Manager before the provider saw it."""

    def __init__(
        self, status: int, code: str, message: str, *, flat: bool = False, target: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(code, message)
        self.status = status
        self.code = code
        self.message = message
        self.flat = flat
        self.target = target
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        if self.flat:
            flat: dict[str, Any] = {"code": self.code, "details": None, "message": self.message, "subcode": ""}
            return flat | ({"target": self.target} if self.target else {})
        inner = {"code": self.code, "message": self.message} | ({"target": self.target} if self.target else {})
        return {"error": inner}

    def response(self) -> web.Response:
        """The answer; Resource Manager marks who failed."""
        cause = "service" if self.flat else "gateway"
        return web.json_response(self.body(), status=self.status, headers={"x-ms-failure-cause": cause} | self.headers)


def refused(code: str, message: str, *, status: int = 400, target: str | None = None) -> ArmError:
    """An error said by the AKS provider."""
    return ArmError(status, code, message, flat=True, target=target)


def no_group(name: str) -> ArmError:
    """404 of a missing resource group."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def no_cluster(group: str, name: str) -> ArmError:
    """404 of a missing cluster, said by Resource Manager."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource 'Microsoft.ContainerService/managedClusters/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def no_parent(verb: str, cluster_id: str) -> ArmError:
    """404 for a node pool of a cluster that is not there."""
    return ArmError(
        404,
        "ParentResourceNotFound",
        f"Failed to perform '{verb}' on resource(s) of type 'managedClusters/agentPools', "
        f"because the parent resource '{cluster_id}' could not be found.",
    )


def no_pool(name: str) -> ArmError:
    """404 of a missing node pool, said by AKS."""
    return refused("NotFound", f"Could not find the agent pool {name}.", status=404)


def busy(kind: str, name: str, verb: str, operation_id: str, started: str) -> ArmError:
    """409: one operation at a time (AKS: aks-pending-operation). `kind` is "agentpool" or "managed cluster"."""
    return refused(
        "OperationNotAllowed",
        f"Operation is not allowed: Another {kind} operation ({name} - {verb}) is in progress, please wait for it to finish before starting a new "
        f"operation. Operation ID: {operation_id}, started on UTC {started}. See https://aka.ms/aks-pending-operation for more details",
        status=409,
    )


def unchangeable(name: str) -> ArmError:
    """A field that is fixed at creation."""
    return refused("PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.", target=name)
