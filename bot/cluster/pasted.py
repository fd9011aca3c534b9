"""A Job that a person pasted or attached: read with care, for it is the only YAML here that strangers write."""

from __future__ import annotations

import json
from typing import Any, Final

import yaml
from pydantic import ValidationError

from bot.cluster.objects import Json
from bot.errors import Refused

MAX_MANIFEST: Final = 64 * 1024
MAX_DEPTH: Final = 40
MAX_EVENTS: Final = 5000

_FENCE: Final = "```"


def read(text: str) -> Json:
    """The one Job, as YAML or JSON, perhaps inside a code fence. Raises :class:`bot.errors.Refused` (``cluster.manifest``)."""
    if len(text.encode(errors="replace")) > MAX_MANIFEST:
        raise Refused("cluster.manifest", problem="it is larger than 64 KiB")
    body = _unfenced(text)
    try:
        _check_events(body)
        documents = [item for item in yaml.safe_load_all(body) if item is not None]
    except (yaml.YAMLError, RecursionError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        # PyYAML's constructors stumble over values that do not fit their tag (`!!timestamp x`, `!!bool x`) with whatever comes up.
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        raise Refused("cluster.manifest", problem="it is not YAML" + (f" (line {line + 1})" if line is not None else "")) from error
    if len(documents) != 1:
        raise Refused("cluster.manifest", problem=f"it holds {len(documents)} objects")
    manifest = _as_json(documents[0])
    problem = shape_problem(manifest) or _type_problem(manifest)
    if problem:
        raise Refused("cluster.manifest", problem=problem)
    found: Json = manifest
    return found


def _unfenced(text: str) -> str:
    """What stands inside the code fence, if all of the text is one. No pattern: they are slow on long runs of blanks."""
    first, newline, rest = text.strip().partition("\n")
    language = first.removeprefix(_FENCE).strip()
    fenced = first.startswith(_FENCE) and newline and rest.endswith(_FENCE) and (not language or language.isalpha())
    return rest.removesuffix(_FENCE) if fenced else text


def _check_events(text: str) -> None:
    """Refuse what would be costly to load: aliases that expand, nesting and numbers of fields that no Job needs. Stops at the first."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        if number > MAX_EVENTS:
            raise Refused("cluster.manifest", problem="it has too many fields and values")
        if isinstance(event, yaml.events.AliasEvent):
            raise Refused("cluster.manifest", problem="it uses YAML aliases, which I do not expand")
        depth += isinstance(event, yaml.events.CollectionStartEvent) - isinstance(event, yaml.events.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise Refused("cluster.manifest", problem="it is nested too deeply")


def without_empty(node: Any) -> Any:
    """A copy without fields that hold nothing: `resources:` with all of it commented out means no resources (Kubernetes: null is absent)."""
    if isinstance(node, dict):
        return {key: without_empty(value) for key, value in node.items() if value is not None}
    return [without_empty(item) for item in node] if isinstance(node, list) else node


def _as_json(document: Any) -> Any:
    """The document as JSON has it, without empty fields. Raises ``cluster.manifest`` for what JSON has no word for: dates, sets, bytes, NaN."""
    try:
        text = json.dumps(without_empty(document), allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        problem = "it holds a value that is neither text, number, list nor mapping (a date has to stand in quotes)"
        raise Refused("cluster.manifest", problem=problem) from error
    if _holds_nothing(document):
        raise Refused("cluster.manifest", problem="a list in it has an empty item")
    return json.loads(text)


def _holds_nothing(node: Any) -> bool:
    """Whether a list somewhere has an item that is nothing: which of a program's arguments that would be, nobody can tell."""
    if isinstance(node, dict):
        return any(map(_holds_nothing, node.values()))
    return isinstance(node, list) and any(item is None or _holds_nothing(item) for item in node)


def shape_problem(manifest: object) -> str | None:
    """Why this is not a Job that can be rendered; None if it is."""
    if not isinstance(manifest, dict) or manifest.get("kind") != "Job" or manifest.get("apiVersion") != "batch/v1":
        return "it is not a Job of `batch/v1`"
    metadata = manifest.get("metadata", {})
    spec = manifest.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    pod = template.get("spec") if isinstance(template, dict) else None
    containers = pod.get("containers") if isinstance(pod, dict) else None
    if not isinstance(metadata, dict) or not isinstance(containers, list) or not containers:
        return "it has no containers under `spec.template.spec`"
    if not all(isinstance(item, dict) and isinstance(item.get("image"), str) for item in containers):
        return "each container needs an `image`"
    return None


def _type_problem(manifest: Json) -> str | None:
    """The first field of a Job whose value has the wrong type, by the client's own model of a Job (loaded only here: it is large)."""
    from kubernetes.client.models.v1_job import V1Job

    spelt = _spelt_amounts(manifest)
    try:
        job = V1Job.from_dict(spelt)
    except ValidationError as error:
        first = error.errors()[0]
        return f"`{'.'.join(map(str, first['loc'])) or 'a field'}` is wrong: {first['msg'].lower()}"
    except (TypeError, AttributeError):  # the model goes through lists before it looks whether they are some
        return "a field that has to be a list is none"
    return _kind_problem(spelt, job.model_dump(by_alias=True, exclude_none=True)) if job else None


def _kind_problem(given: Any, understood: Any) -> str | None:
    """The first field that is no list or mapping where the model took it for one: an empty text or mapping passes for an empty list."""
    if isinstance(given, dict) and isinstance(understood, dict):
        for key in sorted(given.keys() & understood.keys()):
            if any(isinstance(understood[key], kind) and not isinstance(given[key], kind) for kind in (list, dict)):
                return f"`{key}` is wrong: it has to be a {'list' if isinstance(understood[key], list) else 'mapping'}"
            problem = _kind_problem(given[key], understood[key])
            if problem:
                return problem
    if isinstance(given, list) and isinstance(understood, list):
        return next((problem for one, other in zip(given, understood, strict=False) if (problem := _kind_problem(one, other))), None)
    return None


def _spelt_amounts(node: Any, key: str = "") -> Any:
    """A copy in which amounts are text, as the model wants them; the API server takes numbers as well."""
    if isinstance(node, dict):
        return {str(name): _spelt_amounts(value, key if key in ("limits", "requests") else str(name)) for name, value in node.items()}
    if isinstance(node, list):
        return [_spelt_amounts(item) for item in node]
    return str(node) if key in ("limits", "requests", "sizeLimit") and isinstance(node, (int, float)) else node
