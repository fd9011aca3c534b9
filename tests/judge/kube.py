"""The official Python client's modules, without types: they are generated, and half of them untyped."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from kubernetes.client.exceptions import ApiException

__all__ = ["ApiException", "client", "config", "watch"]

client: Any = import_module("kubernetes.client")
config: Any = import_module("kubernetes.config")
watch: Any = import_module("kubernetes.watch")
