"""What a round may consist of, as Hypothesis draws it. Plain data: a round can be printed, read again and played again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from hypothesis import strategies as st

STORIES: Final = 14
FAULTS: Final[dict[str, tuple[str, str, str, dict[str, Any]]]] = {  # name: service, effect, match ({} is the story's name), options
    "slack takes it and cuts": ("slack", "reset_after", "chat.postMessage", {}),
    "slack cuts": ("slack", "reset_before", "chat.", {}),
    "slack throttles": ("slack", "ratelimited", "chat.", {"retry_after": 1}),
    "slack breaks": ("slack", "status", "chat.", {"status": 503}),
    "slack errs": ("slack", "error", "chat.postMessage", {"error": "internal_error"}),
    "slack delivers twice": ("slack", "deliver_twice", "", {}),
    "slack delivers again": ("slack", "redeliver", "", {}),
    "slack loses the socket": ("slack", "socket_reset", "", {}),
    "slack closes the socket": ("slack", "socket_close", "", {}),
    "slack wants another socket": ("slack", "socket_disconnect", "", {"reason": "refresh_requested"}),
    "azure takes it and cuts": ("azure", "reset_after", "^(PUT|DELETE).*{}", {}),
    "azure cuts": ("azure", "reset_before", "{}", {}),
    "azure throttles": ("azure", "status", "{}", {"status": 429, "retry_after": 1}),
    "azure breaks": ("azure", "status", "{}", {"status": 500}),
    "azure breaks off": ("azure", "truncate", "{}", {}),
    "azure is slow": ("azure", "late", "^(PUT|DELETE).*{}", {"seconds": 1.0}),
    "azure hangs": ("azure", "hang", "{}", {"seconds": 2.0}),
    "azure fails": ("azure", "lro_failed", "PUT .*{}", {"code": "InternalOperationError", "after": 1}),
    "azure cancels": ("azure", "lro_canceled", "PUT .*{}", {"after": 1}),
    "azure has no machines": ("azure", "no_capacity", "PUT .*{}", {"after": 1}),
    "azure forgets an operation": ("azure", "operation_expired", "", {}),
    "kubernetes breaks": ("kubernetes", "status", "", {"status": 503}),
    "kubernetes takes it and cuts": ("kubernetes", "reset_after", "^P", {}),
    "kubernetes hangs": ("kubernetes", "hang", "", {"seconds": 2.0}),
    "kubernetes forgets": ("kubernetes", "watch_410", "", {}),
    "kubernetes cuts a log": ("kubernetes", "reset_after", "/log", {}),
    "nodes lose their GPUs": ("kubernetes", "gpu_missing", "{}", {"seconds": 2.0}),
    "nodes fall silent": ("kubernetes", "node_not_ready", "{}", {"seconds": 2.0}),
    "prices break": ("prices", "status", "", {"status": 500}),
}
DEEDS: Final = (
    "ask again", "approve", "approve twice", "approve oneself", "deny", "cancel", "mention", "delete", "confirm", "wait", "settle",
    "stop", "start", "scale", "extend",
)  # fmt: skip
OFTEN: Final = ("approve", "approve", "approve", "approve twice", "delete", "confirm", "confirm", "wait", "settle", "settle", "settle", "settle")
KINDS: Final = ("cluster", "cluster", "cluster", "plain", "job", "job", "pool", "pool")
LIVES: Final = ("48h", "48h", "48h", "1h")
PROCESSES: Final = ((1, 1, 1), (1, 2, 1), (1, 1, 1), (3, 3, 3))
"""How many of `web`, `worker` and `clock` a round may have."""
EVENTS: Final = (
    "kill web", "kill worker", "kill clock", "kill all", "restart web", "restart worker", "restart clock", "restart all", "lose the queue",
    "freeze redis", "kill redis", "an hour passes", "an hour passes", "wait", "wait",
)  # fmt: skip
PAUSES: Final = (0.0, 0.1, 0.3, 0.7, 1.5)


@dataclass(frozen=True)
class Story:
    """One schedule: what is asked for, the acts after it, each with the seconds before it, what is out of order before ('' nothing), and until
    when it is wanted."""

    kind: str
    acts: tuple[tuple[str, float], ...]
    before: str = ""
    life: str = LIVES[0]


@dataclass(frozen=True)
class Round:
    """Stories that run at the same time, and what befalls the system, each event with the seconds before it."""

    processes: tuple[int, int, int]
    events: tuple[tuple[str, float], ...]
    stories: tuple[Story, ...]

    def as_json(self) -> str:
        """One line, for ``--replay``."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Round:
        """The reverse."""
        read = json.loads(text)
        stories = tuple(Story(one["kind"], tuple((act, pause) for act, pause in one["acts"]), one["before"], one["life"]) for one in read["stories"])
        webs, workers, clocks = read["processes"]
        return cls((webs, workers, clocks), tuple((event, pause) for event, pause in read["events"]), stories)


def rounds(stories: int = STORIES) -> st.SearchStrategy[Round]:
    """Rounds of that many stories."""
    pauses = st.sampled_from(PAUSES)
    acts = st.lists(st.tuples(st.sampled_from((*OFTEN, *DEEDS, *FAULTS)), pauses), min_size=2, max_size=10).map(tuple)
    before = st.sampled_from(("", "slack delivers twice")) | st.sampled_from(tuple(FAULTS))
    story = st.builds(Story, st.sampled_from(KINDS), acts, before, st.sampled_from(LIVES))
    events = st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from((0.2, 0.5, 1.0, 2.0))), min_size=1, max_size=4).map(tuple)
    return st.builds(Round, st.sampled_from(PROCESSES), events, st.lists(story, min_size=stories, max_size=stories).map(tuple))
