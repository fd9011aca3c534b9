"""Which Secrets a Job cannot start without, and which of them are not there. Their content is never asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.cluster.access import METADATA, Access, at
from bot.cluster.objects import Json
from bot.errors import Failed


def references(job: Json) -> tuple[str, ...]:
    """The names of all Secrets that its pods refer to and that are not optional, each once."""
    return tuple(dict.fromkeys(name for name in _references(job["spec"]["template"]["spec"]) if name))


def _references(pod: Json) -> Iterator[str]:
    for container in (*(pod.get("initContainers") or ()), *pod["containers"]):
        wanted = [source.get("secretRef") for source in container.get("envFrom") or ()]
        wanted += [(variable.get("valueFrom") or {}).get("secretKeyRef") for variable in container.get("env") or ()]
        yield from (str(one.get("name") or "") for one in wanted if one and not one.get("optional"))
    for volume in pod.get("volumes") or ():
        held = volume.get("secret") or {}
        yield str(held.get("secretName") or "") if not held.get("optional") else ""
        for source in (volume.get("projected") or {}).get("sources") or ():
            part = source.get("secret") or {}
            yield str(part.get("name") or "") if not part.get("optional") else ""


async def missing(access: Access, namespace: str, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the Secrets that are not there. Where the bot may not look at Secrets, none is called missing: the kubelet will tell.

    Only metadata is asked for (Kubernetes: PartialObjectMetadata), so no value leaves the cluster. Raises what access raises.
    """

    def look() -> tuple[str, ...]:
        return tuple(name for name in names if not _there(access, at("/api/v1/namespaces", namespace, "secrets", name)))

    return await access.run(look)


def _there(access: Access, path: str) -> bool:
    try:
        return access.call_now("GET", path, expect=(404,), accept=METADATA).status != 404
    except Failed as error:
        if error.code != "cluster.forbidden":
            raise
        return True
