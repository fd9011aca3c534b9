"""Commands for what runs on the GPUs, and for what people want to know."""

from __future__ import annotations

import re
from typing import Final

from bot.commands import pairs, values
from bot.commands.model import Argument, Command, Malformed, Option, Role, Value
from bot.commands.schedule import SCHEDULE

_JOB: Final = Argument("job", values.JOB)
_ON: Final = Option("on", values.CLUSTER, "cluster", key="cluster", aliases=("cluster",))
_NAMESPACE: Final = Option("namespace", values.NAMESPACE, "namespace", aliases=("n",))
_WHERE: Final = (_ON, _NAMESPACE)
_SIZES_REGION: Final = Option("region", values.REGION, "Azure region", aliases=("location", "l"))



def read_gpus(text: str) -> int:
    """How many GPUs each pod of a job gets."""
    if re.fullmatch(r"0+|none|no", text.strip().lower()):
        raise Malformed("commands.no_gpu", instead="1")
    return int(values.GPUS.read(text))


_RESOURCES: Final = (
    Option("pool", values.POOL, "node pool of the cluster"),
    Option("gpus", Value("N", read_gpus, "1"), "GPUs (1)", aliases=("gpu",)),
    Option("cpu", pairs.CPU, "CPUs: 4, 500m"),
    Option("memory", pairs.MEMORY, "memory: 16Gi", aliases=("mem",)),
    Option("pods", values.whole("N", 1, 100, "2"), "pods of an indexed job", aliases=("parallelism",)),
    Option("timeout", values.DURATION, "end it after this time", key="timeout_seconds"),
    Option("retries", values.whole("N", 0, 10, "2"), "tries after a failure"),
    Option("env", pairs.ENV, "environment variable", many="map", aliases=("e",)),
    Option("set", pairs.PARAMETER, "template parameter", key="parameters", many="map", aliases=("param",)),
    Option("secret", pairs.SECRET, "existing Secret as environment", key="secrets", many="list"),
    Option("spot-ok", None, "may run on Spot nodes"),
)

JOBS: Final = (
    Command(
        ("run",),
        "job.run",
        "run a template or an image on GPUs",
        arguments=(Argument("work", pairs.WORK),),
        options=(
            _ON,
            *_RESOURCES,
            Option("name", values.JOB, "name of the job"),
            _NAMESPACE,
        ),
        examples=("run mnist --on demo", "run ghcr.io/team/train:1.2 --gpus 2 --timeout 2h --env EPOCHS=10 -- --batch 64"),
        changes=True,
        passthrough=True,
    ),
    Command(
        ("jobs",),
        "query.jobs",
        "jobs: running, waiting, ended",
        options=(_ON, Option("mine", None, "only mine")),
        examples=("jobs",),
        aliases=(("job", "list"), ("ps",)),
    ),
    Command(
        ("job",),
        "query.job",
        "one job: state, result, history",
        arguments=(_JOB,),
        options=_WHERE,
        examples=("job mnist-1",),
        aliases=(("job", "show"), ("job", "describe")),
    ),
    Command(
        ("job",),
        "job.again",
        "run a job again, with changes",
        arguments=(_JOB,),
        options=(Option("again", None, "run it again"), *_WHERE, *_RESOURCES),
        examples=("job mnist-1 --again --set max_steps=1000",),
        changes=True,
        passthrough=True,
        when="again",
    ),
    Command(
        ("logs",),
        "query.logs",
        "end of the log, and all of it as a file",
        arguments=(_JOB,),
        options=(*_WHERE, Option("tail", values.whole("N", 1, 200, "20"), "lines to show (20)", aliases=("lines",))),
        examples=("logs mnist-1",),
        aliases=(("log",), ("job", "logs")),
    ),
    Command(
        ("cancel",),
        "job.cancel",
        "stop a job",
        arguments=(_JOB,),
        options=_WHERE,
        examples=("cancel mnist-1",),
        changes=True,
        aliases=(("job", "cancel"), ("job", "stop")),
    ),
    Command(
        ("clean",),
        "job.clean",
        "delete a finished job and its pods",
        arguments=(_JOB,),
        options=_WHERE,
        examples=("clean mnist-1",),
        changes=True,
        aliases=(("job", "clean"), ("job", "delete"), ("job", "rm")),
    ),
)

CAPACITY: Final = (
    Command(
        ("nodes",),
        "query.nodes",
        "GPUs per node: allocatable, in use, free, by whom",
        arguments=(Argument("cluster", values.CLUSTER, required=False),),
        examples=("nodes", "nodes demo"),
        aliases=(("node",), ("capacity",)),
    ),
    Command(
        ("check",),
        "gpu.check",
        "prove that the GPUs can be scheduled, or say why not",
        arguments=(Argument("scope", values.SCOPE),),
        examples=("check demo", "check demo/gpu"),
        changes=True,
        aliases=(("proof",), ("verify",)),
    ),
    Command(("status",), "query.status", "everything at a glance", examples=("status",)),
)

MONEY: Final = (
    Command(
        ("sizes",),
        "query.sizes",
        "GPU sizes: model, memory, price, quota",
        options=(
            _SIZES_REGION,
            Option(
                "gpu",
                values.matching("MODEL", r"[A-Za-z][A-Za-z0-9 -]{0,19}|[A-Za-z0-9-]{2,20}", "a GPU model such as `A100` or `T4`", "A100"),
                "GPU model: T4, A100 …",
            ),
            Option("under", values.money("USD", "5", 4), "at most $/h"),
        ),
        examples=("sizes", "sizes --gpu A100 --under 5"),
        aliases=(("size",), ("size", "list")),
    ),
    Command(
        ("price",),
        "query.price",
        "price of a size, on demand and Spot",
        arguments=(Argument("size", values.SIZE),),
        options=(_SIZES_REGION,),
        examples=("price Standard_NC4as_T4_v3",),
        aliases=(("prices",), ("cost",)),
    ),
    Command(
        ("quota",),
        "query.quota",
        "what the subscription may still have",
        arguments=(Argument("region", values.REGION, required=False),),
        examples=("quota eastus",),
        aliases=(("quotas",),),
    ),
    Command(
        ("budget",),
        "query.budget",
        "spent, reserved and left this month",
        options=(Option("month", values.matching("YYYY-MM", r"20\d\d-(?:0[1-9]|1[0-2])", "a month such as `2026-11`", "2026-11"), "another month"),),
        examples=("budget",),
        aliases=(("budgets",), ("spend",)),
    ),
)

DIGEST: Final = (
    Command(("digest", "now"), "digest.now", "post the digest here, now", examples=("digest now",)),
    Command(
        ("digest", "set"),
        "digest.set",
        "post it here at set times",
        arguments=(Argument("schedule", SCHEDULE, rest=True),),
        examples=('digest set "weekdays 09:00 Europe/Berlin"',),
    ),
    Command(("digest", "show"), "query.digest", "when it comes here next", examples=("digest show",), aliases=(("digest", "status"),)),
    Command(("digest", "off"), "digest.off", "no more digests here", examples=("digest off",), aliases=(("digest", "stop"), ("digest", "remove"))),
)

AUDIT: Final = (
    Command(
        ("audit",),
        "query.audit",
        "who asked, who approved, what happened",
        Role.OPERATOR,
        options=(
            Option("since", values.DURATION, "how far back (7d)", key="since_seconds"),
            Option("on", values.CLUSTER, "only this cluster", key="cluster", aliases=("cluster",)),
            Option("limit", values.whole("N", 1, 200, "20"), "entries (20)"),
        ),
        examples=("audit", "audit --since 7d --on demo"),
    ),
)
