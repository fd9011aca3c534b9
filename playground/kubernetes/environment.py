"""A container's environment, and what keeps the kubelet from making it (Kubernetes: kubelet's makeEnvironmentVariables)."""

from __future__ import annotations

import base64
import re

from playground.kubernetes.objects import Json, labels_of, name_of, namespace_of
from playground.kubernetes.resources import CONFIG_MAPS, SECRETS
from playground.kubernetes.store import Store

_SOURCES = (("configMap", CONFIG_MAPS, "ConfigMap"), ("secret", SECRETS, "Secret"))

_REFERENCE = re.compile(r"\$?\$\(([A-Za-z_][\w.-]*)\)")


def resolved(store: Store, pod: Json, container: Json) -> tuple[str, dict[str, str]]:
    """(why it cannot be made yet in the kubelet's words, the variables); `env` comes after `envFrom` and wins."""
    env: dict[str, str] = {}
    for one in container.get("envFrom") or []:
        problem, values = _whole(store, namespace_of(pod), one)
        if problem:
            return problem, env
        env |= {f"{one.get('prefix') or ''}{key}": value for key, value in values.items()}
    for one in container.get("env") or []:
        problem, value = _single(store, pod, one)
        if problem:
            return problem, env
        if value is not None:
            env[one["name"]] = value
    return "", env


def expanded(word: str, env: dict[str, str]) -> str:
    """A word of `command` or `args` with its ``$(NAME)`` filled in; what is not known stays as it is, and so does ``$$(NAME)`` less a ``$``."""
    return _REFERENCE.sub(lambda found: found[0][1:] if found[0].startswith("$$") else env.get(found[1], found[0]), word)


def _whole(store: Store, namespace: str, source: Json) -> tuple[str, dict[str, str]]:
    for kind, resource, _ in _SOURCES:
        wanted = source.get(f"{kind}Ref")
        if wanted is not None:
            held = store.get(resource, namespace, wanted.get("name", ""))
            if held is None and not wanted.get("optional"):
                return f'{kind.lower()} "{wanted.get("name", "")}" not found', {}
            return "", _content(held or {})
    return "", {}


def _single(store: Store, pod: Json, one: Json) -> tuple[str, str | None]:
    """(problem, value); no value where an optional source is missing."""
    source, namespace = one.get("valueFrom") or {}, namespace_of(pod)
    path = (source.get("fieldRef") or {}).get("fieldPath", "")
    label = re.fullmatch(r"metadata\.labels\['([^']+)'\]", path)
    if label:
        return "", labels_of(pod).get(label[1], "")
    if path == "metadata.name":
        return "", name_of(pod)
    for kind, resource, title in _SOURCES:
        wanted = source.get(f"{kind}KeyRef")
        if wanted is None:
            continue
        held = store.get(resource, namespace, wanted.get("name", ""))
        if held is None:
            return ("", None) if wanted.get("optional") else (f'{kind.lower()} "{wanted.get("name", "")}" not found', None)
        values = _content(held)
        if wanted.get("key") not in values:
            missing = f"couldn't find key {wanted.get('key')} in {title} {namespace}/{wanted.get('name')}"
            return ("", None) if wanted.get("optional") else (missing, None)
        return "", values[wanted["key"]]
    return "", str(one.get("value") or "")


def _content(held: Json) -> dict[str, str]:
    """What a ConfigMap or Secret holds, as text."""
    values = {key: str(value) for key, value in (held.get("data") or {}).items()}
    if held.get("kind") != "Secret":
        return values
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in values.items()}
