"""What AKS accepts as a managed cluster, and the fields that it fills in (AKS: Managed Clusters - Create Or Update)."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Any, Final

from playground.azure import pool_rules
from playground.azure.catalogue import REGIONS, region_named
from playground.azure.errors import ArmError, refused, unchangeable
from playground.azure.identity import PRINCIPAL, TENANT
from playground.azure.state import Cluster, Wire
from playground.azure.versions import cluster_version
from playground.azure.wire import checked_tags

NAME: Final = re.compile(r"[a-zA-Z0-9](?:[-_a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
DNS_PREFIX: Final = re.compile(r"[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,52}[a-zA-Z0-9])?")
TIERS: Final = ("Free", "Standard", "Premium")
COMPUTED: Final = (
    "provisioningState", "powerState", "fqdn", "azurePortalFQDN", "privateFQDN", "currentKubernetesVersion", "maxAgentPools", "agentPoolProfiles",
    "kubernetesVersion", "resourceUID", "status", "identityProfile",
)  # fmt: skip
FIXED: Final = ("dnsPrefix", "nodeResourceGroup", "fqdnSubdomain")
DEFAULTS: Final[Wire] = {
    "enableRBAC": True,
    "supportPlan": "KubernetesOfficial",
    "servicePrincipalProfile": {"clientId": "msi"},
    "networkProfile": {
        "networkPlugin": "azure",
        "networkPluginMode": "overlay",
        "networkDataplane": "azure",
        "loadBalancerSku": "standard",
        "podCidr": "10.244.0.0/16",
        "serviceCidr": "10.0.0.0/16",
        "dnsServiceIP": "10.0.0.10",
        "outboundType": "loadBalancer",
        "ipFamilies": ["IPv4"],
    },
    "disableLocalAccounts": False,
    "securityProfile": {},
    "oidcIssuerProfile": {"enabled": False},
    "storageProfile": {"diskCSIDriver": {"enabled": True}, "fileCSIDriver": {"enabled": True}, "snapshotController": {"enabled": True}},
}


def located(name: str, body: Wire) -> str:
    """The region of a new cluster; raises 400."""
    if not NAME.fullmatch(name):
        raise refused(
            "InvalidParameter",
            f"The value of parameter resourceName is invalid. Error details: '{name}' does not match {NAME.pattern}.",
            target="resourceName",
        )
    region = region_named(str(body.get("location") or ""))
    if region is None:
        known = ",".join(REGIONS)
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType" if body.get("location") else "LocationRequired",
            f"The provided location '{body.get('location')}' is not available for resource type 'Microsoft.ContainerService/managedClusters'. "
            f"List of available regions for the resource type is '{known}'.",
        )
    return region.name


def wants_long_term(body: Wire) -> bool:
    """Long-term support is a plan of the Premium tier."""
    return (body.get("properties") or {}).get("supportPlan") == "AKSLongTermSupport" and (body.get("sku") or {}).get("tier") == "Premium"


def accepted_body(name: str, wanted: Wire, existing: Cluster | None) -> Wire:
    """The cluster's body after a PUT (without pools and computed fields); omitted fields keep their value or get AKS's default."""
    kept: Wire = existing.body if existing else {}
    properties = {key: value for key, value in (wanted.get("properties") or {}).items() if key not in COMPUTED and value is not None}
    if existing:
        for key in FIXED:
            if key in properties and properties[key] != kept["properties"].get(key, existing.node_group if key == "nodeResourceGroup" else None):
                raise unchangeable(key)
        if (region := region_named(str(wanted.get("location") or existing.location))) is None or region.name != existing.location:
            raise unchangeable("location")
    elif not DNS_PREFIX.fullmatch(str(properties.get("dnsPrefix") or "")):
        raise refused(
            "InvalidParameter",
            f"The value of parameter dnsPrefix is invalid. Error details: '{properties.get('dnsPrefix')}' does not match {DNS_PREFIX.pattern}.",
            target="dnsPrefix",
        )
    _check_identity(wanted, existing)
    merged: Wire = _filled(properties, kept.get("properties") or DEFAULTS)
    return {
        "tags": checked_tags(wanted.get("tags", kept.get("tags"))),
        "sku": _sku(wanted.get("sku") or kept.get("sku")),
        "identity": _identity(wanted.get("identity") or kept.get("identity")),
        "properties": merged,
    }


def _filled(given: Wire, base: Wire) -> Wire:
    """`given` over `base`, nested objects too."""
    nested = {key: _filled(value, base[key]) for key, value in given.items() if isinstance(value, dict) and isinstance(base.get(key), dict)}
    return {**base, **given, **nested}


def _check_identity(wanted: Wire, existing: Cluster | None) -> None:
    principal = (wanted.get("properties") or {}).get("servicePrincipalProfile") or {}
    if existing is None and not wanted.get("identity") and principal.get("clientId", "msi") == "msi":
        raise refused("BadRequest", "Either a managed identity or a service principal is required.", target="identity")


def _sku(sku: Any) -> Wire:
    tier = (sku or {}).get("tier") or "Free"
    if tier not in TIERS:
        raise refused(
            "InvalidParameter", f"The value of parameter sku.tier is invalid: '{tier}' is not one of {', '.join(TIERS)}.", target="sku.tier"
        )
    return {"name": (sku or {}).get("name") or "Base", "tier": tier}


def _identity(identity: Any) -> Wire | None:
    if not identity:
        return None
    return {**identity, "principalId": PRINCIPAL, "tenantId": TENANT}


def version_of(name: str, body: Wire) -> str:
    """The patch version of a new cluster."""
    return cluster_version(name, (body.get("properties") or {}).get("kubernetesVersion"), long_term=wants_long_term(body))


def pools_of_new(body: Wire, around: pool_rules.Surroundings) -> dict[str, Wire]:
    """The accepted pools of a new cluster, by name; at least one of them must be a System pool."""
    profiles = (body.get("properties") or {}).get("agentPoolProfiles") or []
    if not profiles:
        raise refused("AgentPoolProfilesRequired", "Required parameter agentPoolProfiles is missing (null).", target="agentPoolProfiles")
    names = [str(profile.get("name") or "") for profile in profiles]
    if len(set(names)) != len(names):
        raise refused("InvalidParameter", "The agent pool names of a cluster must be unique.", target="agentPoolProfiles")
    pools = {name: pool_rules.accepted(name, profile, around, None) for name, profile in zip(names, profiles, strict=True)}
    if not any(pool["mode"] == "System" for pool in pools.values()):
        raise refused("BadRequest", "Must define at least one system pool.", target="agentPoolProfiles")
    return pools


def kubelet_identity(subscription_id: str, cluster: Cluster) -> Wire:
    """The identity that the nodes use, made by AKS in the nodes' resource group."""
    root = f"/subscriptions/{subscription_id}/resourcegroups/{cluster.node_group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
    ids = {"clientId": str(uuid.uuid5(uuid.NAMESPACE_DNS, root)), "objectId": str(uuid.uuid5(uuid.NAMESPACE_URL, root))}
    return {"kubeletidentity": {"resourceId": f"{root}/{cluster.name}-agentpool", **ids}}


def address(cluster: Cluster) -> str:
    """The name of the API server."""
    unique = hashlib.sha256(cluster.backend_id.encode()).hexdigest()[:8]
    return f"{str(cluster.body['properties'].get('dnsPrefix', cluster.name)).lower()}-{unique}.hcp.{cluster.location}.azmk8s.io"
