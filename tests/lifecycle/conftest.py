"""A cluster for what the worker watches and rebuilds."""

from tests.cluster.conftest import rig

__all__ = ["rig"]
