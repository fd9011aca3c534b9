"""What runs in simulated containers. Nobody's own commands are executed; a few known images do what they really do."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from playground.clock import Clock
from playground.kubernetes import smi
from playground.kubernetes.gpus import Gpu

ROOT = Path(__file__).resolve().parents[2]
# Simulated seconds of the sample at 500 steps: start-up and the steps.
TRAINER_START, TRAINER_STEP = 8.0, 0.1
_FOREVER = ("kube-proxy", "cloud-node-manager", "azure-cns", "pause")


@dataclass(frozen=True)
class Launch:
    """One start of a container. `emit` writes a line of its log and may raise :class:`Killed`."""

    image: str
    words: list[str]
    env: dict[str, str]
    clock: Clock
    emit: Callable[[str], None]
    gpus: list[Gpu] = field(default_factory=list)
    driver: bool = False
    mismatch: bool = False
    devices: tuple[str, int] = ("nvidia.com/gpu", 0)
    forever: bool = False


class Killed(Exception):
    """The container was stopped from outside: `reason` OOMKilled, Evicted, Error."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


async def run(launch: Launch) -> int:
    """Run to the end; the exit code. Cancelling it kills what it started."""
    image, text = launch.image, " ".join(launch.words)
    if launch.env.get("PLAYGROUND_OOM") == "1":
        await launch.clock.work(2)
        raise Killed("OOMKilled", 137)
    if "samples-tf-mnist-demo" in image:
        return await _trainer(launch)
    if "k8s-device-plugin" in image:
        return await _device_plugin(launch)
    if re.search(r"(^|[\s/;&|])nvidia-smi(\s|;|$)", text):
        return await _nvidia_smi(launch, text)
    if "vector-add" in image or "vectoradd" in image.lower():
        return await _vector_add(launch)
    if any(name in image for name in _FOREVER):
        launch.emit("started")
        return await _for_ever()
    return await _generic(launch, text)


async def _for_ever() -> int:
    await asyncio.Event().wait()
    return 0


async def _generic(launch: Launch, text: str) -> int:
    """An unknown image: says what it would have run, takes its time, ends as its environment asks."""
    launch.emit(text or launch.image)
    sleep = re.search(r"(?:^|[\s;&])sleep\s+(\d+(?:\.\d+)?|infinity|inf)", text)
    seconds = launch.env.get("PLAYGROUND_SECONDS") or (sleep[1] if sleep else "")
    if seconds.startswith("inf") or (launch.forever and not seconds and "PLAYGROUND_EXIT_CODE" not in launch.env):
        return await _for_ever()
    await launch.clock.work(float(seconds) if re.fullmatch(r"\d+(\.\d+)?", seconds) else 10.0)
    code = launch.env.get("PLAYGROUND_EXIT_CODE", "0")
    return int(code) % 256 if code.isdigit() else 1


async def _nvidia_smi(launch: Launch, text: str) -> int:
    await launch.clock.work(1)
    if launch.mismatch:
        launch.emit(f"Failed to initialize NVML: {smi.MISMATCH}")
        launch.emit(f"NVML library version: {smi.LIBRARY}")
        return 18
    if not launch.gpus:
        launch.emit("No devices were found" if launch.driver else "/bin/sh: 1: nvidia-smi: not found")
        return 6 if launch.driver else 1
    for arguments in re.findall(r"nvidia-smi([^;&|]*)", text):
        for line in smi.output(arguments.strip(" '\""), launch.gpus, launch.clock.now()):
            launch.emit(line)
    return 0


async def _vector_add(launch: Launch) -> int:
    launch.emit("[Vector addition of 50000 elements]")
    await launch.clock.work(1)
    if not launch.gpus:
        launch.emit("Failed to allocate device vector A (error code no CUDA-capable device is detected)!")
        return 1
    for line in (
        "Copy input data from the host memory to the CUDA device",
        "CUDA kernel launch with 196 blocks of 256 threads",
        "Copy output data from the CUDA device to the host memory",
        "Test PASSED",
        "Done",
    ):
        launch.emit(line)
    return 0


async def _device_plugin(launch: Launch) -> int:
    """NVIDIA's plugin: registers what it finds, idles where there is no driver (or fails, with FAIL_ON_INIT_ERROR)."""
    launch.emit('I main.go:235] "Starting NVIDIA Device Plugin" version="v0.19.3"')
    launch.emit("I main.go:245] Loading configuration.")
    failing = launch.env.get("FAIL_ON_INIT_ERROR", "true").lower() != "false"
    if launch.mismatch:
        launch.emit(f"E nvml_manager.go:51] Failed to initialize NVML: {smi.MISMATCH}.")
        launch.emit("E nvml_manager.go:52] If this is a GPU node, did you set the docker default runtime to `nvidia`?")
        launch.emit("E nvml_manager.go:53] You can check the prerequisites at: https://github.com/NVIDIA/k8s-device-plugin#prerequisites")
        if failing:
            why = f"failed to construct NVML resource managers: failed to initialize NVML: {smi.MISMATCH}"
            launch.emit(f"E main.go:173] error starting plugins: unable to create plugin manager: {why}")
            return 1
        launch.emit("I main.go:381] No devices found. Waiting indefinitely.")
        return await _for_ever()
    if not launch.driver:
        launch.emit("E factory.go:112] Incompatible strategy detected auto")
        launch.emit("E factory.go:113] If this is a GPU node, did you configure the NVIDIA Container Toolkit?")
        launch.emit("E factory.go:115] You can check the prerequisites at: https://github.com/NVIDIA/k8s-device-plugin#prerequisites")
        if failing:
            launch.emit("E main.go:173] error starting plugins: unable to create plugin manager: invalid device discovery strategy")
            return 1
        launch.emit("I main.go:381] No devices found. Waiting indefinitely.")
        return await _for_ever()
    name, count = launch.devices
    if not count:
        launch.emit("I main.go:381] No devices found. Waiting indefinitely.")
        return await _for_ever()
    launch.emit("I main.go:332] Retrieving plugins.")
    launch.emit(f"I server.go:197] Starting GRPC server for '{name}'")
    launch.emit(f"I server.go:141] Starting to serve '{name}' on /var/lib/kubelet/device-plugins/nvidia-gpu.sock")
    launch.emit(f"I server.go:148] Registered device plugin for '{name}' with Kubelet")
    return await _for_ever()


async def _trainer(launch: Launch) -> int:
    """The sample really trains, in a process of its own, paced like the real one."""
    env = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    env |= {name: value for name, value in launch.env.items() if name.startswith("PLAYGROUND_")}
    env.setdefault("PLAYGROUND_SEED", launch.env.get("JOB_COMPLETION_INDEX", "0"))
    env["PLAYGROUND_START_SECONDS"] = str(launch.clock.scaled(TRAINER_START))
    env["PLAYGROUND_STEP_SECONDS"] = str(launch.clock.scaled(TRAINER_STEP))
    env["PLAYGROUND_CLOCK_OFFSET"] = str(launch.clock.offset)
    for index, gpu in enumerate(launch.gpus):
        model = gpu.model
        env[f"PLAYGROUND_GPU_{index}"] = f"{model.name}|{model.major}|{model.minor}|{model.clock}|{model.memory_mib}|{gpu.bus}"
    arguments = [word for word in launch.words if word.startswith("--") or not word.startswith(("python", "/"))]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "playground.kubernetes.trainer", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=env, cwd=ROOT, limit=1 << 20,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async for raw in process.stdout:
            launch.emit(raw.decode(errors="replace").rstrip("\n"))
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await _reaped(process.wait())


async def _reaped(waiting: Awaitable[int]) -> None:
    """Wait for a killed process even while being cancelled."""
    await asyncio.shield(asyncio.ensure_future(waiting))
