"""Long-running operations: started by a PUT, DELETE or POST, followed at a signed URL, ended by time, by readiness, by a fault or by an abort."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from playground import chance
from playground.clock import Clock
from playground.faults import Fault

Status = Literal["InProgress", "Succeeded", "Failed", "Canceled"]
Outcome = Callable[[Status, dict[str, Any] | None], None]

# Nodes that never become Ready do not hold an operation for ever: AKS reports Succeeded once the machines run.
PATIENCE: Final = 2.0
LOOK_EVERY: Final = 2.0
SIGNATURE_LENGTH: Final = 2900

# Typical simulated durations in seconds.
SECONDS: Final = {
    "cluster create": 240.0,
    "cluster update": 60.0,
    "cluster delete": 150.0,
    "cluster power": 150.0,
    "pool create": 180.0,
    "pool scale": 120.0,
    "pool update": 60.0,
    "pool delete": 150.0,
    "pool power": 150.0,
    "group delete": 200.0,
    "abort": 10.0,
    "feature": 300.0,
    "provider": 60.0,
}


@dataclass
class Operation:
    """One long-running operation; times in epoch seconds, `seconds` simulated."""

    verb: str
    subject: str
    location: str
    seconds: float
    started: float
    finish: Outcome
    ready: Callable[[], bool] | None = None
    fault: Fault | None = None
    id: str = field(default_factory=lambda: chance.uid("operation"))
    status: Status = "InProgress"
    error: dict[str, Any] | None = None
    ended: float | None = None
    task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.status == "InProgress"

    def body(self) -> dict[str, Any]:
        """What the operations URL answers."""
        body: dict[str, Any] = {"name": self.id, "status": self.status, "startTime": stamp(self.started)}
        if self.ended is not None:
            body["endTime"] = stamp(self.ended)
        if self.error is not None:
            body["error"] = self.error
        return body

    def end(self, status: Status, error: dict[str, Any] | None, now: float) -> None:
        """End it (once): the resource is told first, so that whoever sees the status also sees the resource."""
        if not self.running:
            return
        self.finish(status, error)
        self.status, self.error, self.ended = status, error, now
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()


class Operations:
    """All operations of a subscription, also those that ended."""

    def __init__(self, clock: Clock, subscription_id: str) -> None:
        self._clock = clock
        self._subscription_id = subscription_id
        self._all: dict[str, Operation] = {}

    def start(
        self,
        verb: str,
        subject: str,
        location: str,
        seconds: float,
        finish: Outcome,
        *,
        ready: Callable[[], bool] | None = None,
        fault: Fault | None = None,
    ) -> Operation:
        """Begin; `finish(status, error)` is called exactly once at its end, before anybody can see that end."""
        operation = Operation(verb, subject, location, seconds, self._clock.now(), finish, ready, fault)
        self._all[operation.id.lower()] = operation
        operation.task = asyncio.create_task(self._run(operation))
        return operation

    def find(self, operation_id: str) -> Operation | None:
        """By id, in any case."""
        return self._all.get(operation_id.lower())

    def close(self) -> None:
        """End all tasks (the process stops); nothing is told."""
        for operation in self._all.values():
            if operation.task is not None:
                operation.task.cancel()

    async def _run(self, operation: Operation) -> None:
        fault = operation.fault
        if fault is not None:
            await self._clock.work(float(fault.options.get("after", operation.seconds / 2)))
            if fault.effect == "lro_canceled":
                operation.end("Canceled", None, self._clock.now())
            else:
                operation.end("Failed", failure(fault.options), self._clock.now())
            return
        await self._clock.work(operation.seconds)
        waited = 0.0
        while operation.ready is not None and not operation.ready() and waited < operation.seconds * PATIENCE:
            await self._clock.work(LOOK_EVERY)
            waited += LOOK_EVERY
        operation.end("Succeeded", None, self._clock.now())

    def urls(self, operation: Operation, base_url: str) -> dict[str, str]:
        """The `Azure-AsyncOperation` and `Location` headers."""
        root = f"{base_url}/subscriptions/{self._subscription_id}/providers/Microsoft.ContainerService/locations/{operation.location}"
        query = f"api-version=2016-03-30&{_signature(operation)}"
        return {
            "Azure-AsyncOperation": f"{root}/operations/{operation.id}?{query}",
            "Location": f"{root}/operationresults/{operation.id}?{query}",
        }


def failure(options: dict[str, Any]) -> dict[str, Any]:
    """The `error` of a failed operation from a fault's options {code, message, details?}."""
    code = options.get("code", "InternalOperationError")
    return {"code": code, "message": options.get("message", f"The operation failed: {code}."), "details": options.get("details", [])}


def stamp(epoch: float) -> str:
    """As Resource Manager writes times."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _signature(operation: Operation) -> str:
    # The real URL is signed and carries a certificate, 3.2 kB in all; whoever stores it should meet that size here.
    noise = b"".join(hashlib.sha512(f"{operation.id}{n}".encode()).digest() for n in range(SIGNATURE_LENGTH // 64))
    text = base64.urlsafe_b64encode(noise).decode().rstrip("=")[:SIGNATURE_LENGTH]
    ticks = int((operation.started + 62135596800) * 10_000_000)
    return f"t={ticks}&c={text[:2400]}&s={text[2400:2850]}&h={text[2850:]}"
