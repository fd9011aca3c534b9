"""Behind every simulated AKS cluster, one real Kubernetes cluster: ``--kubeconfig FILE``.

Azure's side stays simulated (operations, quotas, prices); the nodes are whatever the real cluster has. Nothing is ever
deleted in it from here.
"""

from __future__ import annotations

from pathlib import Path

from playground.backend import Pool


class RealCluster:
    """A :class:`playground.backend.ClusterBackend` that hands out one kubeconfig file for every cluster and ignores nodes."""

    def __init__(self, kubeconfig_file: Path) -> None:
        """Raises OSError where the file cannot be read (better at start than at the first credential call)."""
        self._file = kubeconfig_file
        self._known: set[str] = set()
        kubeconfig_file.read_text()

    def create(self, cluster_id: str, *, kubernetes_version: str) -> None:
        """Remembers the id; the real cluster's version is what it is."""
        self._known.add(cluster_id)

    def delete(self, cluster_id: str) -> None:
        """Forgets the id."""
        self._known.discard(cluster_id)

    def stop(self, cluster_id: str) -> None:
        """The real cluster keeps running."""

    def start(self, cluster_id: str) -> None:
        """The real cluster was never stopped."""

    def kubeconfig(self, cluster_id: str, *, admin: bool = False, entra: bool = False) -> str:
        """The file as it is now (tokens in it may be renewed while the playground runs). Raises KeyError, OSError."""
        if cluster_id not in self._known:
            raise KeyError(cluster_id)
        return self._file.read_text()

    def set_pool(self, cluster_id: str, pool: Pool) -> None:
        """The real cluster has the nodes that it has."""

    def delete_pool(self, cluster_id: str, pool_name: str) -> None:
        """The real cluster keeps its nodes."""

    def pool_ready(self, cluster_id: str, pool_name: str) -> bool:
        """Always: there is nothing to wait for."""
        return True

    def nodes_wanted(self, cluster_id: str, pool_name: str) -> int | None:
        """Nobody's business: the real cluster has the nodes that it has."""
        return None
