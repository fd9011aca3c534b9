"""A strict simulated Kubernetes: many clusters in one application, each below ``/clusters/{cluster_id}``.

Promises: what clients see over HTTP follows the real API server (resourceVersions, watches, server-side apply, Statuses), objects
are complete, controllers are event-driven, and closing the application leaves no task and no process behind.

Faults (service ``kubernetes``), beside those of :mod:`playground.traffic`; `match` is searched in the subject:

- requests (``"METHOD /path?query"``): ``watch_drop`` {events}, ``watch_410`` {events}, ``half_open`` {events, seconds}, ``cut_log`` {lines},
  ``forbidden`` {role: nobody | reader};
- nodes (``"cluster/node"``): ``node_not_ready``, ``gpu_missing`` {count}, ``driver_mismatch`` ({node, seconds}), ``spot_evicted``,
  ``node_stuck`` (never Ready);
- pods (``"cluster/namespace/pod"``): ``plugin_blocked``, ``stuck_creating``, ``admission_error``; with the line that it has just logged
  (``"cluster/namespace/pod line"``): ``oom``, ``evict``, ``crash``;
- images (the reference): ``image_pull`` {message}.
"""

from __future__ import annotations

from aiohttp import web

from playground.clock import Clock
from playground.kubernetes.api import Api
from playground.kubernetes.clusters import Clusters
from playground.traffic import Traffic

__all__ = ["Clusters", "build"]
MAX_BODY = 3 * 1024 * 1024


def build(clock: Clock, traffic: Traffic, *, public_url: str, ca_pem: str) -> tuple[web.Application, Clusters]:
    """The application to serve at `public_url`, and its clusters. `ca_pem` goes into kubeconfigs ("" for plain HTTP)."""
    clusters = Clusters(clock, traffic.faults, public_url.rstrip("/"), ca_pem)
    app = web.Application(middlewares=[traffic.middleware("kubernetes")], client_max_size=MAX_BODY)
    app.router.add_route("*", r"/clusters/{cluster}/{path:.*}", Api(clusters.by_id).handle)

    async def close(_: web.Application) -> None:
        await clusters.close()

    # On shutdown, not on cleanup: open watches end only when their cluster does, and the server waits for them.
    app.on_shutdown.append(close)
    return app, clusters
