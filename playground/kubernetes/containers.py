"""One container: pull, start, run, end, again (Kubernetes: container states, restart policy, image pull)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from playground.kubernetes import environment, images, programs
from playground.kubernetes.gpus import Gpu
from playground.kubernetes.logs import ContainerLog
from playground.kubernetes.objects import Json, name_of, namespace_of, new_uid, uid_of

if TYPE_CHECKING:
    from playground.kubernetes.pods import PodRun

# What containerd says where NVIDIA's hook finds no driver.
_NO_DRIVER = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container "
    "process: error during container init: error running prestart hook #0: exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'\n"
    "nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown"
)
_FAULTS = {"oom": ("OOMKilled", 137), "crash": ("Error", 1), "evict": ("Evicted", 137)}


@dataclass
class Container:
    """What the kubelet knows of a container; :meth:`status` is its ContainerStatus."""

    spec: Json
    state: Json = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Json = field(default_factory=dict)
    restarts: int = 0
    image_id: str = ""
    container_id: str = ""

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.spec["name"])

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return "running" in self.state

    @property
    def exit_code(self) -> int | None:
        """Its exit code once it has terminated."""
        ended = self.state.get("terminated")
        return int(ended["exitCode"]) if ended else None

    def status(self, *, init: bool = False) -> Json:
        """Complete, as the API has it; an init container is ready once it has succeeded."""
        status: Json = {
            "name": self.name,
            "state": self.state,
            "lastState": self.last,
            "ready": self.exit_code == 0 if init else self.running,
            "restartCount": self.restarts,
            "image": images.full_name(self.spec["image"]) if self.image_id else self.spec["image"],
            "imageID": self.image_id,
            "started": self.running,
        }
        if self.container_id:
            status["containerID"] = self.container_id
        return status


class Runner:
    """Takes one container of a pod through its life."""

    def __init__(self, pod: PodRun, container: Container, gpus: list[Gpu]) -> None:
        self._pod = pod
        self._container = container
        self._gpus = gpus
        self._cluster = pod.cluster

    async def run(self, restart_policy: str) -> None:
        """Until it has ended for good; with policy Always that is never."""
        backoff = images.BACKOFF_SECONDS
        while True:
            await self._pull()
            env = await self._environment()
            await self._once(env, restart_policy)
            code = self._container.exit_code
            if restart_policy == "Never" or (restart_policy == "OnFailure" and code == 0) or self._pod.rejected:
                return
            if self._container.restarts:
                await self._back_off(backoff)
                backoff = min(backoff * 2, images.BACKOFF_MOST)
            self._container.restarts += 1

    async def _pull(self) -> None:
        container, image = self._container, str(self._container.spec["image"])
        policy = container.spec.get("imagePullPolicy", "IfNotPresent")
        on_node = self._cluster.kubelet.images.setdefault(self._pod.node, set())
        backoff = images.BACKOFF_SECONDS
        while True:
            if image in on_node and policy != "Always":
                if not container.restarts:
                    text = f'Container image "{image}" already present on machine'
                    self._event("Normal", "Pulled", text)
                break
            problem = None
            if policy == "Never":
                problem = f"Container image {image!r} is not present with pull policy of Never"
            else:
                self._event("Normal", "Pulling", f'Pulling image "{image}"')
                fault = self._cluster.faults.take("kubernetes", image, "image_pull")
                default = f'rpc error: code = NotFound desc = failed to pull and unpack image "{images.full_name(image)}": not found'
                problem = str(fault.options.get("message", default)) if fault else images.pull_error(image)
            if problem is None:
                await self._download(image, on_node)
                break
            await self._cluster.clock.work(1)
            await self._pull_failed(image, problem, backoff, "ErrImageNeverPull" if policy == "Never" else "ErrImagePull")
            backoff = min(backoff * 2, images.BACKOFF_MOST)
        container.image_id = f"{images.full_name(image).partition(':')[0]}@sha256:{images.digest(image)}"

    async def _download(self, image: str, on_node: set[str]) -> None:
        seconds = 0.4 if image in on_node else images.pull_seconds(image)
        await self._cluster.clock.work(seconds)
        if image not in on_node:
            on_node.add(image)
            self._cluster.kubelet.image_arrived(self._pod.node, image)
        size = images.size_bytes(image)
        text = f'Successfully pulled image "{image}" in {seconds:.3f}s ({seconds:.3f}s including waiting). Image size: {size} bytes.'
        self._event("Normal", "Pulled", text)

    async def _pull_failed(self, image: str, problem: str, backoff: float, reason: str) -> None:
        if reason == "ErrImagePull":
            self._event("Warning", "Failed", f'Failed to pull image "{image}": {problem}')
        self._event("Warning", "Failed", f"Error: {reason}")
        self._wait(reason, problem)
        await self._cluster.clock.work(2)
        if reason == "ErrImagePull":
            self._event("Normal", "BackOff", f'Back-off pulling image "{image}"')
            self._event("Warning", "Failed", "Error: ImagePullBackOff")
            self._wait("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {problem}')
        await self._cluster.clock.work(backoff)

    async def _environment(self) -> dict[str, str]:
        """The container's variables; waits with CreateContainerConfigError while a Secret or ConfigMap is missing."""
        while True:
            problem, env = environment.resolved(self._cluster.store, self._pod.item, self._container.spec)
            if not problem:
                return env
            self._event("Warning", "Failed", f"Error: {problem}")
            self._wait("CreateContainerConfigError", problem)
            await self._cluster.clock.work(5)

    async def _once(self, env: dict[str, str], restart_policy: str) -> None:
        container, clock = self._container, self._cluster.clock
        if container.state.get("terminated"):
            container.last = container.state
        container.container_id = f"containerd://{new_uid().replace('-', '')}{new_uid().replace('-', '')}"
        log = ContainerLog(clock)
        self._cluster.kubelet.new_log(uid_of(self._pod.item), container.name, log)
        self._event("Normal", "Created", f"Created container: {container.name}")
        fault = self._cluster.faults.take("kubernetes", self._where(), "start_error")
        if fault is not None:
            log.end()
            self._not_started(str(fault.options.get("message", _NO_DRIVER)))
            return
        self._event("Normal", "Started", f"Started container {container.name}")
        started = clock.iso()
        container.state = {"running": {"startedAt": started}}
        self._pod.publish()
        reason, code = "Error", 137
        try:
            code = await programs.run(self._launch(env, log, restart_policy))
            reason = "Completed" if code == 0 else "Error"
        except programs.Killed as killed:
            reason, code = killed.reason, killed.code
            if reason == "Evicted":
                reason = "Error"
                self._pod.evict()
        finally:
            log.end()
            ended = {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": clock.iso(), "containerID": container.container_id}
            container.state = {"terminated": ended}
        self._pod.publish()

    def _not_started(self, problem: str) -> None:
        """The container runtime could not start the process (Kubernetes: StartError, exit code 128, begun at the epoch)."""
        self._event("Warning", "Failed", f"Error: {problem}")
        ended = {"exitCode": 128, "reason": "StartError", "message": problem, "startedAt": "1970-01-01T00:00:00Z"}
        ended |= {"finishedAt": self._cluster.clock.iso(), "containerID": self._container.container_id}
        self._container.state = {"terminated": ended}
        self._pod.publish()

    def _where(self) -> str:
        """How a fault names the pod."""
        return f"{self._cluster.id}/{namespace_of(self._pod.item)}/{name_of(self._pod.item)}"

    def _launch(self, env: dict[str, str], log: ContainerLog, restart_policy: str) -> programs.Launch:
        spec, node, where = self._container.spec, self._pod.node, self._where()

        def emit(line: str) -> None:
            log.write(line)
            fault = self._cluster.faults.take("kubernetes", f"{where} {line}", *_FAULTS)
            if fault is not None:
                raise programs.Killed(*_FAULTS[fault.effect])

        words = [environment.expanded(str(word), env) for word in [*(spec.get("command") or []), *(spec.get("args") or [])]]
        unseen = bool(self._gpus) and self._cluster.faults.take("kubernetes", where, "gpu_unseen") is not None
        return programs.Launch(
            image=str(spec["image"]),
            words=words,
            env=env,
            clock=self._cluster.clock,
            emit=emit,
            gpus=[] if unseen else self._gpus,
            driver=self._cluster.gpus.driver_seen(node),
            mismatch=self._cluster.gpus.mismatched(node),
            devices=self._cluster.gpus.promise(node),
            forever=restart_policy == "Always",
        )

    async def _back_off(self, seconds: float) -> None:
        container, pod = self._container, self._pod.item
        where = f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})"
        self._event("Warning", "BackOff", f"Back-off restarting failed container {container.name} in pod {where}")
        container.last = container.state
        text = f"back-off {seconds:.0f}s restarting failed container={container.name} pod={where}"
        self._wait("CrashLoopBackOff", text)
        await self._cluster.clock.work(seconds)

    def _wait(self, reason: str, message: str) -> None:
        self._container.state = {"waiting": {"reason": reason, "message": message}}
        self._pod.publish()

    def _event(self, kind: str, reason: str, message: str) -> None:
        self._cluster.events.record(self._pod.item, kind, reason, message, "kubelet", self._pod.node)
