"""Resource groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from azure.core.exceptions import HttpResponseError

from bot import names
from bot.azure import tags as labels
from bot.azure.connection import Connection
from bot.azure.errors import missing
from bot.azure.operations import Begun, begin
from bot.errors import Refused, Temporary


@dataclass(frozen=True)
class GroupState:
    """A resource group as Azure shows it. `created`: this very call made it."""

    id: str
    name: str
    region: str
    provisioning_state: str
    tags: Mapping[str, str] = field(default_factory=dict)
    created: bool = False


async def get(conn: Connection, name: str) -> GroupState | None:
    """The group, or None where there is none. One read."""
    names.checked("group", name)
    return await conn.call(_get(conn, name))


async def ensure(conn: Connection, name: str, region: str, tags: Mapping[str, str]) -> GroupState:
    """The group, made in `region` with `tags` where it is missing; one that exists is left as it is, whoever made it.

    A read and at most one write. Raises Temporary (``azure.group_deleting``) while a group of that name is being deleted.
    """
    names.checked("group", name)
    names.checked("region", region)
    found = await conn.call(_get(conn, name))
    if found is not None:
        if found.provisioning_state.lower() == "deleting":
            raise Temporary("azure.group_deleting", retry_after=20.0, group=name)
        return found
    wire = await conn.call(conn.resources.resource_groups.create_or_update(name, {"location": region, "tags": dict(tags)}))
    return read(wire.as_dict(), created=True)


async def begin_delete(conn: Connection, name: str, *, operation: str) -> Begun:
    """Begin to delete the group with all that is in it. One read and at most one write; a group that is gone already counts as done.

    Only a group that carries our tag may be deleted: Refused (``azure.name_taken``) otherwise. `operation` must be the one that made it, or empty for
    any of ours.
    """
    names.checked("group", name)
    found = await conn.call(_get(conn, name))
    if found is None or found.provisioning_state.lower() == "deleting":
        return Begun(repeated=True)
    if not labels.ours(found.tags) or (operation and labels.value(found.tags, labels.OPERATION) != operation):
        raise Refused("azure.name_taken", kind="resource group", name=name)
    return await begin(conn, conn.resources.resource_groups.begin_delete, name)


def read(wire: Mapping[str, Any], *, created: bool = False) -> GroupState:
    """The state in ARM's JSON."""
    return GroupState(
        id=str(wire.get("id") or ""),
        name=str(wire.get("name") or ""),
        region=str(wire.get("location") or ""),
        provisioning_state=str((wire.get("properties") or {}).get("provisioningState") or ""),
        tags=dict(wire.get("tags") or {}),
        created=created,
    )


async def _get(conn: Connection, name: str) -> GroupState | None:
    try:
        return read((await conn.resources.resource_groups.get(name)).as_dict())
    except HttpResponseError as error:
        if missing(error):
            return None
        raise
