"""Every setting, typed; the only reader of the environment.

`Settings.from_environment` raises :class:`SettingsError` naming the variable and what it should hold, so that a process
with a bad setting stops at once instead of failing at the first request.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

HOUSE = Path(__file__).resolve().parent.parent


class SettingsError(ValueError):
    """A setting is missing or malformed; the text names the variable and what to put there."""


class Secret:
    """A value that does not show itself in representations, logs or tracebacks."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True)
class SlackSettings:
    """How to reach Slack. `app_token` set: Socket Mode; empty: signed HTTP on `port`.

    `granted` is how many times its usual rate limits Slack allows this app; `config_token` is for the doctor alone.
    """

    bot_token: Secret
    signing_secret: Secret
    app_token: Secret
    config_token: Secret = field(default_factory=lambda: Secret(""))
    api_base_url: str = "https://slack.com/api/"
    port: int = 3000
    granted: float = 1.0


@dataclass(frozen=True)
class AzureSettings:
    """How to reach Azure Resource Manager and the price list."""

    subscription_id: str
    arm_base_url: str = "https://management.azure.com"
    prices_url: str = "https://prices.azure.com/api/retail/prices"


@dataclass(frozen=True)
class EngineSettings:
    """Times of the engine, in seconds.

    `lease` is how long a claim on an operation is honoured without renewal (so: recovery time after a kill);
    `step_cap` ends a step that hangs; `settle` is how long a post of unknown outcome is left alone before the thread is
    searched for it; `sweep` is how often overdue operations are looked for; `observe` how often the cloud is listed;
    `patrol` how often idle pools and orphans are looked for;
    `look` how often a waiting step looks for itself where no observation reaches it.
    """

    lease: float = 10.0
    step_cap: float = 20.0
    settle: float = 60.0
    sweep: float = 15.0
    observe: float = 15.0
    patrol: float = 60.0
    look: float = 300.0
    job_look: float = 10.0


@dataclass(frozen=True)
class Settings:
    """All of it; built once per process and handed down.

    `probe_port` is where `worker` and `clock` answer probes and metrics (0: nowhere); `web` answers them on its own port.
    `redis_replicas` is how many replicas must have what a person was told is written down (0: none, the primary's word is taken).
    """

    slack: SlackSettings
    azure: AzureSettings
    redis_url: Secret
    policy: Path
    templates: tuple[Path, ...]
    engine: EngineSettings = field(default_factory=EngineSettings)
    clock_file: Path | None = None
    probe_port: int = 0
    traces: bool = False
    log_level: str = "INFO"
    redis_replicas: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read `environment` (default: the process's own)."""
        env = os.environ if environment is None else environment
        return cls(
            slack=SlackSettings(
                bot_token=Secret(_needed(env, "SLACK_BOT_TOKEN", "the bot token of the Slack app, xoxb-…")),
                signing_secret=Secret(_needed(env, "SLACK_SIGNING_SECRET", "the signing secret of the Slack app")),
                app_token=Secret(env.get("SLACK_APP_TOKEN", "")),
                config_token=Secret(env.get("SLACK_CONFIG_TOKEN", "")),
                api_base_url=_url(env, "SLACK_API_BASE_URL", "https://slack.com/api/").rstrip("/") + "/",
                port=int(_number(env, "PORT", 3000)),
                granted=_number(env, "SLACK_RATE_GRANTED", 1.0),
            ),
            azure=AzureSettings(
                subscription_id=_needed(env, "AZURE_SUBSCRIPTION_ID", "the id of the subscription that pays"),
                arm_base_url=_url(env, "AZURE_ARM_BASE_URL", "https://management.azure.com").rstrip("/"),
                prices_url=_url(env, "AZURE_PRICES_URL", "https://prices.azure.com/api/retail/prices"),
            ),
            redis_url=Secret(_needed(env, "REDIS_URL", "redis://…, rediss://…, redis+sentinel://… or unix:///path")),
            redis_replicas=_count(env, "REDIS_REPLICAS"),
            policy=Path(env.get("QUARTERMASTER_POLICY") or HOUSE / "manifests" / "policy.example.toml"),
            templates=(HOUSE / "manifests" / "jobs", *(Path(part) for part in env.get("QUARTERMASTER_TEMPLATES", "").split(os.pathsep) if part)),
            engine=EngineSettings(
                **{name: _number(env, f"QUARTERMASTER_{name.upper()}_SECONDS", default) for name, default in _ENGINE_TIMES.items()}
            ),
            clock_file=Path(env["QUARTERMASTER_CLOCK_FILE"]) if env.get("QUARTERMASTER_CLOCK_FILE") else None,
            probe_port=int(_number(env, "QUARTERMASTER_PROBE_PORT", 0, least=0)),
            traces=bool(env.get("OTEL_EXPORTER_OTLP_ENDPOINT") or env.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")),
            log_level=env.get("QUARTERMASTER_LOG_LEVEL", "INFO").upper(),
        )


_ENGINE_TIMES = {"lease": 10.0, "step_cap": 20.0, "settle": 60.0, "sweep": 15.0, "observe": 15.0, "patrol": 60.0, "look": 300.0, "job_look": 10.0}


def _needed(env: Mapping[str, str], name: str, what: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set: it should be {what}.")
    return value


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    value = env.get(name, "").strip() or default
    parts = urlsplit(value)
    loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise SettingsError(f"{name} must be an https URL (http is accepted for loopback only).")
    return value


def _count(env: Mapping[str, str], name: str) -> int:
    raw = env.get(name, "").strip() or "0"
    if not (raw.isascii() and raw.isdecimal()):
        raise SettingsError(f"{name} must be a whole number from 0 on, not {raw!r}.")
    return int(raw)


def _number(env: Mapping[str, str], name: str, default: float, least: float | None = None) -> float:
    raw = env.get(name, "").strip()
    try:
        value = float(raw) if raw else default
    except ValueError as error:
        raise SettingsError(f"{name} must be a number, not {raw!r}.") from error
    if value <= 0 and value != least:
        raise SettingsError(f"{name} must be greater than zero.")
    return value
