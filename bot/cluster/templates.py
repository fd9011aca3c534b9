"""Job templates: YAML files that declare their parameters, and what a person typed poured into them.

Values are put in after the YAML was parsed, into strings only: no value can change the structure of a manifest.
See docs/job-templates.md for the format.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from bot.cluster import pasted
from bot.cluster.objects import GPU, GPU_TOLERATIONS, Json
from bot.errors import Failed, Refused
from bot.names import valid

_BLANK = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")
_TEXTS = ("args", "command", "value", "labels", "annotations", "nodeSelector", "image")
_KEYS = {"template", "title", "description", "parameters", "gpus", "spot", "arguments", "manifest"}

Value = str | int | float | bool


@dataclass(frozen=True)
class Parameter:
    """A value that a person may set with `--name value` after `--`. No default: optional, its item is left out when not given."""

    name: str
    type: Literal["string", "integer", "number", "choice"] = "string"
    default: Value | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    help: str = ""

    def rule(self) -> str:
        """What the value must be, in words."""
        if self.type == "choice":
            return "one of " + ", ".join(self.choices)
        if self.type == "string":
            return f"text like `{self.pattern}`" if self.pattern else "one line of text"
        kind = "a whole number" if self.type == "integer" else "a number"
        bounds = [f"from {self.minimum:g}" if self.minimum is not None else "", f"to {self.maximum:g}" if self.maximum is not None else ""]
        return " ".join(part for part in (kind, *bounds) if part)

    def read(self, text: str) -> Value:
        """The typed value. Raises :class:`bot.errors.Refused` (``cluster.parameter``)."""
        refusal = Refused("cluster.parameter", name=self.name, value=text[:80], rule=self.rule())
        if self.type == "choice":
            if text not in self.choices:
                raise refusal
            return text
        if self.type == "string":
            if "\n" in text or "\0" in text or len(text) > 1000 or (self.pattern and not re.fullmatch(self.pattern, text)):
                raise refusal
            return text
        try:
            value: int | float = int(text) if self.type == "integer" else float(text)
        except ValueError as error:
            raise refusal from error
        if value != value or (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            raise refusal
        return value


@dataclass(frozen=True)
class Template:
    """A Job to be rendered. `spot`: losing its node half way does no harm, so it may run on Spot nodes without being asked.

    `arguments`: what happens to arguments that are no declared parameters: they follow the template's own, replace them, or are refused.
    """

    name: str
    manifest: Json
    title: str = ""
    description: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    gpus: int = 1
    spot: bool = False
    arguments: Literal["append", "replace", "refuse"] = "append"

    def fill(self, values: Mapping[str, Value]) -> Json:
        """The manifest with every `${name}` replaced by its value (or its parameter's default)."""
        known: dict[str, Value | None] = {name: values.get(name, parameter.default) for name, parameter in self.parameters.items()}
        filled: Json = _fill(copy.deepcopy(self.manifest), known)
        return filled

    def read_arguments(self, args: Sequence[str]) -> tuple[dict[str, Value], list[str]]:
        """Arguments (`--steps 5`, `--steps=5`) split into declared parameters and the rest. Raises :class:`bot.errors.Refused`."""
        values: dict[str, Value] = {}
        rest: list[str] = []
        queue = list(args)
        while queue:
            item = queue.pop(0)
            name, equals, text = item.removeprefix("--").partition("=")
            parameter = self.parameters.get(name.replace("-", "_")) if item.startswith("--") else None
            if parameter is None:
                rest.append(item)
                continue
            if not equals:
                if not queue:
                    raise Refused("cluster.parameter", name=parameter.name, value="", rule=parameter.rule())
                text = queue.pop(0)
            values[parameter.name] = parameter.read(text)
        if rest and self.arguments == "refuse":
            declared = ", ".join(f"--{name}" for name in self.parameters) or "none"
            raise Refused("cluster.parameter", name=rest[0].lstrip("-"), value=rest[0], rule=f"one of the template's own arguments: {declared}")
        return values, rest


def load_templates(directories: Iterable[Path]) -> dict[str, Template]:
    """Every `*.yaml` of the directories, by template name; a later directory overrides an earlier one.

    Raises :class:`bot.errors.Failed` (``cluster.template_broken``) for a file that is none: found at start, not at the first run.
    """
    found: dict[str, Template] = {}
    for directory in directories:
        for path in sorted(directory.glob("*.yaml")):
            template = _template(path)
            found[template.name] = template
    return found


def from_image(image: str, *, gpus: int = 1) -> Template:
    """A template of one container that runs `image`; arguments go to its entry point. Raises ``name.invalid``."""
    if not valid("image", image):
        raise Refused("name.invalid", kind="image", value=image[:80], rule="a container image such as `ghcr.io/team/train:1.2`")
    container: Json = {"name": "main", "image": image, "resources": {"limits": {GPU: gpus}}}
    pod: Json = {"restartPolicy": "Never", "tolerations": [dict(item) for item in GPU_TOLERATIONS], "containers": [container]}
    manifest: Json = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "job"},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}},
    }
    return Template(name=image, title=image, manifest=manifest, gpus=gpus, arguments="replace")


def from_manifest(text: str) -> Template:
    """A template from what a person pasted or attached. Raises :class:`bot.errors.Refused` (``cluster.manifest``).

    Whether it is safe is for :func:`bot.cluster.safety.unsafe` to say.
    """
    manifest = pasted.read(text)
    name = (manifest.get("metadata") or {}).get("name") or "job"
    return Template(name=str(name), title=str(name), manifest=manifest, gpus=0, arguments="replace")


def _template(path: Path) -> Template:
    def broken(problem: str) -> Failed:
        return Failed("cluster.template_broken", file=path.name, problem=problem)

    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise broken("it is not YAML") from error
    if not isinstance(data, dict) or set(data) - _KEYS:
        raise broken("it has unknown keys: " + ", ".join(sorted(map(str, set(data) - _KEYS))) if isinstance(data, dict) else "it is not a mapping")
    name = str(data.get("template") or "")
    if not valid("template", name):
        raise broken("`template` is missing or not a valid name")
    manifest = pasted.without_empty(data.get("manifest"))
    problem = pasted.shape_problem(manifest)
    if problem:
        raise broken(problem)
    parameters = {str(key): _parameter(str(key), value, broken) for key, value in (data.get("parameters") or {}).items()}
    undeclared = {blank for blank in _BLANK.findall(yaml.safe_dump(manifest)) if blank not in parameters}
    if undeclared:
        raise broken("undeclared parameters: " + ", ".join(sorted(undeclared)))
    if data.get("arguments", "append") not in ("append", "replace", "refuse"):
        raise broken("`arguments` must be append, replace or refuse")
    return Template(
        name=name,
        manifest=manifest,
        title=str(data.get("title") or name),
        description=str(data.get("description") or ""),
        parameters=parameters,
        gpus=int(data.get("gpus", 1)),
        spot=bool(data.get("spot", False)),
        arguments=data.get("arguments", "append"),
    )


def _parameter(name: str, data: Any, broken: Any) -> Parameter:
    fields = {"type", "default", "minimum", "maximum", "choices", "pattern", "help"}
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not isinstance(data, dict) or set(data) - fields:
        raise broken(f"parameter `{name}` is not declared properly")
    if data.get("type", "string") not in ("string", "integer", "number", "choice"):
        raise broken(f"parameter `{name}` has an unknown type")
    parameter = Parameter(name=name, **{**data, "choices": tuple(map(str, data.get("choices") or ()))})
    if parameter.default is not None:
        try:
            parameter.read(str(parameter.default))
        except Refused as error:
            raise broken(f"the default of parameter `{name}` does not fit") from error
    return parameter


def _fill(node: Any, values: Mapping[str, Value | None], text_only: bool = False) -> Any:
    """`text_only`: under a key whose values Kubernetes wants as text, however much they look like numbers."""
    if isinstance(node, dict):
        filled = {key: _fill(value, values, text_only or key in _TEXTS) for key, value in node.items()}
        return {key: value for key, value in filled.items() if value is not None or node[key] is None}
    if isinstance(node, list):
        return [filled for item in node if (filled := _fill(item, values, text_only)) is not None]
    if not isinstance(node, str):
        return node
    blanks = _BLANK.findall(node)
    if any(name in values and values[name] is None for name in blanks):
        return None
    whole = _BLANK.fullmatch(node)
    if whole and whole[1] in values and not text_only:
        return values[whole[1]]
    return _BLANK.sub(lambda found: str(values[found[1]]) if found[1] in values else found[0], node)
