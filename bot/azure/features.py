"""Preview features of the subscription, and the resource provider that has to be registered again after them."""

from __future__ import annotations

from typing import Final, Literal

from azure.core.exceptions import HttpResponseError

from bot import names
from bot.azure.connection import Connection
from bot.azure.errors import missing

NAMESPACE: Final = "Microsoft.ContainerService"
MANAGED_GPU: Final = "ManagedGPUExperiencePreview"
RETIRED: Final[dict[str, str]] = {"gpudedicatedvhdpreview": MANAGED_GPU}

State = Literal["NotRegistered", "Pending", "Registering", "Registered", "Unregistering", "Unregistered", "Unknown"]
_STATES: Final[dict[str, State]] = {
    "notregistered": "NotRegistered",
    "pending": "Pending",
    "registering": "Registering",
    "registered": "Registered",
    "unregistering": "Unregistering",
    "unregistered": "Unregistered",
}


async def state(conn: Connection, feature: str) -> State | None:
    """Where the registration stands, or None for a feature that Azure does not know. One read."""
    names.checked("feature", feature)

    async def ask() -> State | None:
        try:
            result = await conn.features.features.get(NAMESPACE, feature)
        except HttpResponseError as error:
            if missing(error) or (error.status_code == 404 and _code(error) in ("FeatureNotFound", "InvalidFeature")):
                return None
            raise
        return read(result.properties.state if result.properties else None)

    return await conn.call(ask())


async def register(conn: Connection, feature: str) -> State:
    """Ask for the feature; one that is asked for again stays as it is. It takes minutes: look with :func:`state`. One write."""
    names.checked("feature", feature)
    result = await conn.call(conn.features.features.register(NAMESPACE, feature))
    return read(result.properties.state if result.properties else None)


async def register_provider(conn: Connection, namespace: str = NAMESPACE) -> State:
    """Register the provider (again): only then does a registered feature take effect. One write."""
    result = await conn.call(conn.resources.providers.register(namespace))
    return read(result.registration_state)


async def provider_state(conn: Connection, namespace: str = NAMESPACE) -> State:
    """Whether the provider is registered. One read."""
    result = await conn.call(conn.resources.providers.get(namespace))
    return read(result.registration_state)


def read(text: str | None) -> State:
    """A state as Azure spells it today (its own examples differ in case)."""
    return _STATES.get((text or "").lower(), "Unknown")


def _code(error: HttpResponseError) -> str:
    return str(error.error.code) if error.error is not None else ""
