"""The simulated Kubernetes over TLS on loopback, in a thread of its own, so that synchronous clients can be pointed at it."""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest
import urllib3
import yaml
from aiohttp import web

from playground.backend import Pool
from playground.clock import Clock
from playground.faults import Faults
from playground.kubernetes import Clusters, build
from playground.tls import certificate
from playground.traffic import Traffic

SPEED = 200.0
Json = dict[str, Any]
T = TypeVar("T")
_IDS = itertools.count(1)

TOLERATION = {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}
SAMPLE = "mcr.microsoft.com/azuredocs/samples-tf-mnist-demo:gpu"
PLUGIN = "nvcr.io/nvidia/k8s-device-plugin:v0.19.3"


def wait_until(look: Callable[[], T], seconds: float = 20.0) -> T:
    """Look until something true is seen; that."""
    until = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < until, f"not within {seconds} s; last seen: {seen!r}"
        time.sleep(0.02)
    return seen


class Server:
    """The simulation; `do` runs something in its event loop."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock(SPEED)
        self.faults = Faults()
        self.traffic = Traffic(self.faults)
        self.clusters: Clusters
        self.ca_file = folder / "ca.pem"
        self.url = ""
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._end: asyncio.Event

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(20)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def do(self, work: Callable[[], T]) -> T:
        async def called() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(20)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        context, _, ca_pem = certificate(self._folder)
        placeholder = web.Application()
        probe = web.AppRunner(placeholder)
        await probe.setup()
        site = web.TCPSite(probe, "127.0.0.1", 0)
        await site.start()
        port = probe.addresses[0][1]
        await probe.cleanup()
        self.url = f"https://127.0.0.1:{port}"
        app, self.clusters = build(self.clock, self.traffic, public_url=self.url, ca_pem=ca_pem)
        runner = web.AppRunner(app, shutdown_timeout=2.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
        self._started.set()
        await self._end.wait()
        await runner.cleanup()
        for _ in range(5):
            # Closed transports are told so in the loop's next turns.
            await asyncio.sleep(0)
        mine = asyncio.current_task()
        left = [task for task in asyncio.all_tasks() if task is not mine]
        assert not left, left


@dataclass
class Kube:
    """One cluster, spoken to in plain HTTP with a role's token."""

    server: Server
    id: str
    role: str = "admin"

    def __post_init__(self) -> None:
        self._pool = urllib3.PoolManager(ssl_context=ssl.create_default_context(cafile=str(self.server.ca_file)), retries=False)
        config = yaml.safe_load(self.server.do(lambda: self.server.clusters.kubeconfig_for(self.id, self.role)))
        self.token = config["users"][0]["user"]["token"]
        self.base = config["clusters"][0]["cluster"]["server"]

    def as_role(self, role: str) -> Kube:
        return Kube(self.server, self.id, role)

    def call(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", token: str | None = None, accept: str = "", **query: Any
    ) -> tuple[int, Any, Any]:
        """(status, body, headers); the body is parsed where it is JSON."""
        url = f"{self.base}{path}" + (("&" if "?" in path else "?") + urlencode(query) if query else "")
        headers = {"Authorization": f"Bearer {self.token if token is None else token}", "Content-Type": kind, "User-Agent": "tester/1"}
        if accept:
            headers["Accept"] = accept
        raw = None if body is None else json.dumps(body)
        answer = self._pool.request(method, url, body=raw, headers=headers, timeout=20)
        text = answer.data.decode()
        return answer.status, json.loads(text) if "json" in answer.headers.get("Content-Type", "") and text[:1] in "{[" else text, answer.headers

    def get(self, path: str, **query: Any) -> Any:
        status, body, _ = self.call("GET", path, **query)
        assert status == 200, body
        return body

    def create(self, path: str, body: Json, **query: Any) -> Json:
        status, made, _ = self.call("POST", path, body, **query)
        assert status == 201, made
        return dict(made)

    def apply(self, path: str, body: Json, *, manager: str = "tester", force: bool = False, **query: Any) -> tuple[int, Any]:
        options = {"fieldManager": manager, "force": str(force).lower(), **query}
        status, made, _ = self.call("PATCH", path, body, kind="application/apply-patch+yaml", **options)
        return status, made

    def delete(self, path: str, body: Json | None = None, **query: Any) -> Any:
        status, answer, _ = self.call("DELETE", path, body, **query)
        assert status == 200, answer
        return answer

    def watch(self, path: str, **query: Any) -> Iterator[Json]:
        """Events of one watch until it ends; connection errors are raised."""
        url = f"{self.base}{path}?" + urlencode({"watch": "true", **query})
        answer = self._pool.request("GET", url, headers={"Authorization": f"Bearer {self.token}"}, preload_content=False, timeout=20)
        assert answer.status == 200, answer.data
        rest = b""
        for chunk in answer.stream(amt=None):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (json.loads(line) for line in lines)

    def fault(self, match: str, effect: str, times: int = 1, **options: Any) -> None:
        self.server.faults.add({"service": "kubernetes", "match": match, "effect": effect, "times": times, **options})

    def pool(self, **fields: Any) -> str:
        """A GPU pool of one T4 node unless said otherwise; waits for its nodes, answers the first one's name."""
        wanted = {
            "name": "gpu", "count": 1, "vm_size": "Standard_NC4as_T4_v3", "gpu_count": 1, "gpu_model": "T4", "vcpus": 4, "memory_gib": 28.0,
            "taints": ["sku=gpu:NoSchedule"],
        }  # fmt: skip
        pool = Pool(**{**wanted, **fields})
        self.server.do(lambda: self.server.clusters.set_pool(self.id, pool))
        wait_until(lambda: self.server.do(lambda: self.server.clusters.pool_ready(self.id, pool.name)))
        names = sorted(one["metadata"]["name"] for one in self.get("/api/v1/nodes", labelSelector=f"agentpool={pool.name}")["items"])
        return str(names[0]) if names else ""

    def cpu_pool(self, count: int = 1) -> str:
        return self.pool(name="system", count=count, vm_size="Standard_D4s_v5", mode="System", gpu_count=0, gpu_model="", memory_gib=16.0, taints=[])

    def plugin(self, **env: str) -> None:
        """NVIDIA's device plugin; returns once its pods are as many and as ready as wanted."""
        self.create("/apis/apps/v1/namespaces/kube-system/daemonsets", plugin_set(**env))
        path = "/apis/apps/v1/namespaces/kube-system/daemonsets/nvidia-device-plugin-daemonset"

        def rolled_out() -> bool:
            status = self.get(path)["status"]
            return bool(status["desiredNumberScheduled"]) and status.get("numberAvailable") == status["desiredNumberScheduled"]

        wait_until(rolled_out)

    def gpus(self, node: str, resource: str = "nvidia.com/gpu") -> tuple[str | None, str | None]:
        """(capacity, allocatable)."""
        status = self.get(f"/api/v1/nodes/{node}")["status"]
        return status["capacity"].get(resource), status["allocatable"].get(resource)

    def pod(self, name: str, **spec: Any) -> Json:
        return self.create("/api/v1/namespaces/default/pods", pod(name, **spec))

    def pod_when(self, name: str, good: Callable[[Json], object], seconds: float = 20.0) -> Json:
        def look() -> Json | None:
            found: Json = self.get(f"/api/v1/namespaces/default/pods/{name}")
            return found if good(found) else None

        result = wait_until(look, seconds)
        assert result is not None
        return result

    def job(self, name: str, *, spec: Json | None = None, **container: Any) -> Json:
        return self.create("/apis/batch/v1/namespaces/default/jobs", job(name, spec=spec, **container))

    def job_when(self, name: str, condition: str, seconds: float = 20.0) -> Json:
        """The Job once it has that condition."""

        def look() -> Json | None:
            found: Json = self.get(f"/apis/batch/v1/namespaces/default/jobs/{name}")
            kinds = [one["type"] for one in found["status"].get("conditions", [])]
            return found if condition in kinds else None

        result = wait_until(look, seconds)
        assert result is not None
        return result

    def pods_of(self, job_name: str) -> list[Json]:
        return list(self.get("/api/v1/namespaces/default/pods", labelSelector=f"job-name={job_name}")["items"])

    def reasons(self, about: str) -> dict[str, str]:
        """Reason → message of the events about an object's name."""
        events = self.get("/api/v1/namespaces/default/events", fieldSelector=f"involvedObject.name={about}")["items"]
        return {one["reason"]: one["message"] for one in events}

    def log(self, name: str, **query: Any) -> str:
        return str(self.get(f"/api/v1/namespaces/default/pods/{name}/log", **query))


def container(**fields: Any) -> Json:
    """A container of the generic image; `gpus` sets the limit, `env` is a mapping."""
    gpus, env = fields.pop("gpus", 0), fields.pop("env", {})
    made: Json = {"name": "main", "image": "busybox:1.36", **fields}
    if gpus:
        made["resources"] = {"limits": {"nvidia.com/gpu": str(gpus)}}
    if env:
        made["env"] = [{"name": key, "value": value} for key, value in env.items()]
    return made


def pod(name: str, **fields: Any) -> Json:
    """A pod that does not restart; fields that are not the pod's are its container's."""
    of_pod = {key: fields.pop(key) for key in ("restartPolicy", "tolerations", "initContainers", "volumes", "nodeSelector", "nodeName",
              "activeDeadlineSeconds", "terminationGracePeriodSeconds", "containers") if key in fields}  # fmt: skip
    spec = {"restartPolicy": "Never", "tolerations": [TOLERATION], "containers": [container(**fields)], **of_pod}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def job(name: str, *, spec: Json | None = None, restart: str = "Never", **fields: Any) -> Json:
    """A Job of one pod."""
    template = {"spec": {"restartPolicy": restart, "tolerations": [TOLERATION], "containers": [container(**fields)]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template, **(spec or {})}}


def plugin_set(image: str = PLUGIN, **env: str) -> Json:
    """NVIDIA's device plugin as AKS documents it."""
    labels = {"name": "nvidia-device-plugin-ds"}
    one = container(name="nvidia-device-plugin-ctr", image=image, env={"FAIL_ON_INIT_ERROR": "false", **env})
    spec = {
        "tolerations": [TOLERATION, {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "nodeSelector": {"accelerator": "nvidia"},
        "priorityClassName": "system-node-critical",
        "containers": [one],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "nvidia-device-plugin-daemonset"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("kubernetes"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def kube(server: Server) -> Iterator[Kube]:
    """An empty cluster (no pools)."""
    cluster_id = f"group--c{next(_IDS)}"
    server.do(lambda: server.clusters.create(cluster_id, kubernetes_version="1.34.2"))
    made = Kube(server, cluster_id)
    yield made
    made._pool.clear()
    server.faults.clear()
    server.do(lambda: server.clusters.delete(cluster_id))
