"""Values made of parts: ``K=V`` pairs, taints, custom headers, container resources, what to run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot import names, secrets
from bot.commands.model import Malformed, Value
from bot.commands.text import shown

_LABEL_KEY = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_EFFECTS: Final = {"noschedule": "NoSchedule", "prefernoschedule": "PreferNoSchedule", "noexecute": "NoExecute"}
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?")
_QUANTITY = re.compile(r"([0-9]{1,6})(?:\.([0-9]{1,3}))?(m|Ki|Mi|Gi|Ti|k|M|G|T)?")

# AKS changelog: GPU VHD image retired 10 January 2025; Generation 2 is chosen by the size on Linux.
RETIRED_HEADERS: Final = {
    "usegpudedicatedvhd": "the GPU image was retired in January 2025, AKS installs the driver itself: choose with `--driver`",
    "usegen2vm": "it is not needed any more: a size that supports Generation 2 gets a Generation 2 image",
}
# Headers that carry the call itself: setting one would forge, break or re-route the request instead of asking AKS for a feature.
_OWN_HEADERS = re.compile(
    r"authorization|host|content-.*|transfer-encoding|connection|cookie|expect|te|trailer|upgrade|via|accept.*|if-.*|user-agent|proxy-.*|x-ms-.*|x-http-.*|x-forwarded.*|forwarded",
    re.IGNORECASE,
)


def read_env(text: str) -> list[str]:
    """``K=V`` as ``[K, V]``. A value that is plainly a secret is refused: it would stand in the journal and in the thread."""
    key, equals, value = text.partition("=")
    if not equals or not names.valid("env", key):
        instead = f"{key}=1" if names.valid("env", key) else "EPOCHS=10"
        raise Malformed("commands.pair", instead=instead, value=shown(text), rule=names.RULES["env"][1])
    if _secret(key, value):
        raise Malformed("commands.secret_value", instead="", value=shown(key))
    return [key, value]


def _secret(key: str, value: str) -> bool:
    return secrets.told(key, value) or secrets.within(value) is not None


def read_arguments(words: Sequence[str]) -> list[str]:
    """The words after ``--``, passed to the container as they are; refused if one is plainly a secret."""
    name = secrets.among(words)
    if name is not None:
        raise Malformed("commands.secret_value", value=shown(name))
    return list(words)


def read_label(text: str) -> list[str]:
    """A Kubernetes label ``key=value`` as ``[key, value]``."""
    key, equals, value = text.partition("=")
    if not equals or not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value) or ".." in key:
        raise Malformed("commands.label", instead="team=vision", value=shown(text))
    _not_reserved(key, text)
    return [key, value]


def read_taint(text: str) -> str:
    """A taint ``key=value:Effect`` in canonical spelling."""
    head, colon, effect = text.rpartition(":")
    key, _, value = head.partition("=")
    known = _EFFECTS.get(effect.lower())
    if not colon or known is None or not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value) or ".." in key:
        raise Malformed("commands.taint", instead="sku=gpu:NoSchedule", value=shown(text))
    _not_reserved(key, text)
    return f"{head}:{known}"


def _not_reserved(key: str, text: str) -> None:
    prefix = key.partition("/")[0] if "/" in key else ""
    if prefix == "kubernetes.azure.com" or prefix.endswith((".kubernetes.azure.com", "kubernetes.io", "k8s.io")):
        raise Malformed("commands.reserved", instead="team=vision", value=shown(text), prefix=shown(prefix))


def read_headers(text: str) -> list[list[str]]:
    """``K=V`` or ``K=V,K=V``: custom headers of the PUT that creates a pool (``az … --aks-custom-headers``)."""
    return [_header(part) for part in re.split(r",(?=\s*[A-Za-z][A-Za-z0-9-]*=)", text)]


def _header(text: str) -> list[str]:
    key, equals, value = (part.strip() for part in text.partition("="))
    if key.lower() in RETIRED_HEADERS:
        raise Malformed("commands.header_retired", instead="", value=shown(key), why=RETIRED_HEADERS[key.lower()])
    if not equals or not _HEADER.fullmatch(key) or not _HEADER_VALUE.fullmatch(value):
        raise Malformed("commands.header", instead="AKSHTTPCustomFeatures=Feature", value=shown(text))
    if _OWN_HEADERS.fullmatch(key):
        raise Malformed("commands.header_own", instead="", value=shown(key))
    return [key, value]


def quantity(shown_as: str, units: str, example: str) -> Value:
    """A Kubernetes quantity above zero with one of `units` (space-separated; an empty unit is always allowed for CPU)."""
    allowed = units.split()

    def read(text: str) -> str:
        found = _QUANTITY.fullmatch(text)
        unit = (found[3] or "") if found else ""
        if found is None or (unit not in allowed and not (unit == "" and "m" in allowed)) or not text.strip("0.mkKMGTi"):
            raise Malformed("commands.quantity", instead=_guessed(text, allowed) or example, value=shown(text), example=example)
        return text

    return Value(shown_as, read, example)


def _guessed(text: str, allowed: list[str]) -> str:
    """``16gb`` was most likely meant as ``16Gi``."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})\s*([kmgt])(?:i?b?)", text.lower())
    if found is None or f"{found[2].upper()}i" not in allowed:
        return ""
    return f"{found[1]}{found[2].upper()}i"


def read_work(text: str) -> dict[str, str]:
    """What to run: a template by its name, or a container image (which has a registry, a tag or a digest)."""
    if names.valid("template", text):
        return {"template": text}
    if any(mark in text for mark in "/:@"):
        if names.valid("image", text):
            return {"image": text}
        raise Malformed("commands.image", instead="ghcr.io/team/train:1.2", value=shown(text))
    if names.valid("template", text.lower()):
        rule = names.RULES["template"][1]
        raise Malformed("commands.name", instead=text.lower(), value=shown(text), field="template", why=" (it has capitals)", rule=rule)
    raise Malformed("commands.image", instead="mnist", value=shown(text))


def read_secret(text: str) -> str:
    """The name of an existing Kubernetes Secret (DNS subdomain rules); never a secret itself."""
    if len(text) > 253 or ".." in text or re.fullmatch(r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?", text) is None:
        # The value is not repeated: what looks wrong as a name may well be the secret itself.
        raise Malformed("commands.secret_name", instead="my-secret")
    return text


def read_parameter(text: str) -> list[str]:
    """``name=value`` for a template's own parameter, as ``[name, value]``."""
    key, equals, value = text.partition("=")
    if not equals or re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,40}", key) is None:
        raise Malformed("commands.parameter", instead="max_steps=500", value=shown(text))
    if _secret(key, value):
        raise Malformed("commands.secret_value", instead="", value=shown(key))
    return [key, value]


ENV: Final = Value("K=V", read_env, "EPOCHS=10")
LABEL: Final = Value("K=V", read_label, "team=vision")
TAINT: Final = Value("K=V:Effect", read_taint, "sku=gpu:NoSchedule")
HEADERS: Final = Value("K=V", read_headers, "AKSHTTPCustomFeatures=Feature")
CPU: Final = quantity("CPU", "m", "4")
MEMORY: Final = quantity("MEMORY", "Ki Mi Gi Ti k M G T", "16Gi")
WORK: Final = Value("TEMPLATE|IMAGE", read_work, "mnist", spread=True)
SECRET: Final = Value("NAME", read_secret, "my-secret")
PARAMETER: Final = Value("K=V", read_parameter, "max_steps=500")
