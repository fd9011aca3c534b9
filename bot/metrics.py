"""What is counted: every metric, with its labels. docs/operating.md has the table.

Label values are words of this code - kinds, steps, method names, results - never what a person typed or a server answered: a label
that grows without bound would take Prometheus down, and one that holds user text would publish it.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

OK: Final = "ok"
REFUSED: Final = "refused"
THROTTLED: Final = "throttled"
FAILED: Final = "failed"
NO_ANSWER: Final = "no_answer"
RESULTS: Final = (OK, REFUSED, THROTTLED, FAILED, NO_ANSWER)

ACKS = Histogram("quartermaster_ack_seconds", "Time until Slack got its answer", buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3))
SOCKET = Gauge("quartermaster_socket_connected", "1 while the Socket Mode connection stands")

BEGUN = Counter("quartermaster_operations_begun_total", "Operations written down", ["kind"])
ENDED = Counter("quartermaster_operations_ended_total", "Operations that ended", ["kind", "status"])
OPERATIONS = Gauge("quartermaster_operations", "Operations that have not ended", ["state"])
QUEUE = Gauge("quartermaster_queue_depth", "What is due and not done yet", ["queue"])
STEPS = Histogram(
    "quartermaster_step_seconds", "From a step's first look to its end, waiting included", ["kind", "step"], buckets=(1, 10, 60, 300, 900, 3600)
)
RUNS = Histogram("quartermaster_step_run_seconds", "One execution of a step", ["outcome"], buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 20))
ROUNDS_FAILED = Counter("quartermaster_rounds_failed_total", "Rounds of what is repeated that ended in an unexpected error", ["name"])

REQUESTS = Counter("quartermaster_requests_total", "Requests to Slack, ARM and Kubernetes", ["service", "call", "result"])
REQUEST_SECONDS = Histogram("quartermaster_request_seconds", "Time until they were answered", ["service"], buckets=(0.03, 0.1, 0.3, 1, 3, 10))
ARM_LEFT = Gauge("quartermaster_arm_requests_left", "What ARM's newest answers said is left of a rate limit", ["limit"])
READS_LEFT = Gauge("quartermaster_observer_reads_left", "Reads that the observation of Azure may spend at once")
OBSERVED = Gauge("quartermaster_observation_age_seconds", "Age of the newest observation of Azure while an operation waits for one; 0: none waits")
REDIS_ERRORS = Counter("quartermaster_redis_errors_total", "Commands to Redis that failed, repeated ones included", ["error"])

ARM_LIMITS: Final = frozenset(
    f"{scope}-{kind}"
    for scope in ("subscription", "tenant", "subscription-global", "tenant-global")
    for kind in ("reads", "writes", "deletes", "resource-requests")
)
"""Names after ``x-ms-ratelimit-remaining-`` (ARM: request limits and throttling)."""


def result_of(status: int) -> str:
    """The word for an HTTP status; 0 is no answer at all."""
    if status == 0:
        return NO_ANSWER
    if status == 429:
        return THROTTLED
    return OK if status < 400 else REFUSED if status < 500 else FAILED


def exposition() -> tuple[bytes, str]:
    """Everything in Prometheus' text format, and its content type."""
    return generate_latest(), CONTENT_TYPE_LATEST
