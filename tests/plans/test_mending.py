"""What could be asked for instead: the same command with one thing changed, and never anything that is no command."""

from __future__ import annotations

import pytest

from bot.azure.findings import blocker, warning
from bot.commands import COMMANDS, Request, amended, parse
from bot.plans.mending import NO_SPOT, elsewhere, hints, instead, offered

ADD = "pool add demo/gpu --size Standard_NC4as_T4_v3"
POOL = {"size": "Standard_NC8as_T4_v3", "zones": []}


def values(text: str) -> dict[str, object]:
    request = parse(text)
    assert isinstance(request, Request), request
    return dict(request.values)


@pytest.mark.parametrize("text", [example for command in COMMANDS for example in command.examples if isinstance(parse(example), Request) and example])
def test_a_command_that_nothing_is_changed_of_stays_what_it_was(text: str) -> None:
    request = amended(text, {})
    assert request is not None
    assert request.values == values(text)


@pytest.mark.parametrize("zone", ["--zone 1", "--zones=1,2", "--zone 1 --zone 3", '--zone "1"'])
def test_an_option_is_left_out_however_it_was_written(zone: str) -> None:
    request = amended(f"pool add demo/gpu {zone} --size NC4as_T4_v3 --label a=b --for 8h", {"zone": ""})
    assert request is not None
    assert request.values == values("pool add demo/gpu --size NC4as_T4_v3 --label a=b --for 8h")


def test_an_option_is_replaced_also_under_its_other_names_and_what_is_passed_on_stays() -> None:
    request = amended("create cluster demo -k 1.29 -s NC4as_T4_v3", {"kubernetes-version": "1.36"})
    assert request is not None
    assert request.values == values("cluster create demo --size NC4as_T4_v3 --kubernetes-version 1.36")
    run = amended("run mnist --gpus 1 -- --gpus 9", {"gpus": "2"})
    assert run is not None
    assert (run.values["gpus"], run.values["args"]) == (2, ["--gpus", "9"])


@pytest.mark.parametrize("text", ["", "nonsense", "pool add demo/gpu --nonsense 1", "pool add 'demo", "x" * 5000])
def test_what_is_no_command_stays_none(text: str) -> None:
    assert amended(text, {"zone": ""}) is None
    assert offered(text, ["other_zone"], {}) == []


def test_what_stops_a_plan_names_what_could_be_had() -> None:
    version = blocker("azure.kubernetes_version", version="1.29", region="eastus", supported="1.9, 1.36, 1.35")
    assert hints([version], newest=True) == ["mend:kubernetes-version=1.36"]
    assert hints([version], newest=False) == ["mend:kubernetes-version="], "nodes may not be newer than their cluster"
    zone = blocker("azure.restricted_zone", size="s", region="r", zones="3", offered="1, 2")
    assert hints([zone, blocker("azure.no_spot", size="s")], newest=True) == ["mend:zone=", "mend:zone=1", NO_SPOT]
    assert hints([blocker("azure.restricted_zone", size="s", region="r", zones="3", offered="none")], newest=True) == ["mend:zone="]
    assert hints([warning("azure.kubernetes_preview", version="1.37", region="r")], newest=True) == []


def offers(text: str, *buttons: str, **target: object) -> list[tuple[str, str]]:
    return [(label, request.text) for label, request in offered(text, buttons, target)]


def test_a_button_is_offered_only_where_it_changes_something() -> None:
    assert offers(ADD, "other_zone", "other_version", NO_SPOT, "retry", "quota", "other_size") == []
    assert offers(f"{ADD} --zone 2", "other_zone", "retry") == [("Ask without the zone", ADD)]
    assert offers(f"{ADD} --kubernetes-version 1.30", "other_version") == [("Ask for the default version", ADD)]
    assert offers(f"{ADD} --spot --max-price 0.2 --eviction Delete", NO_SPOT) == [("Ask without Spot", ADD)]
    twice = offers(f"{ADD} --zone 2", "mend:zone=", "mend:zone=1", "mend:zone=3")
    assert twice == [("Ask without the zone", ADD), ("Ask for zone 1", f"{ADD} --zone 1")], "two are enough"


def test_another_size_is_the_first_of_the_policys_list_where_it_stands() -> None:
    near, asked = {"region": "eastus", "pool": POOL}, {"size": "Standard_NC4as_T4_v3"}
    same = {"region": "eastus", "pool": {**asked, "zones": ["3"]}}
    assert offers(f"{ADD} --zone 2", "other_size", region="eastus", pool=asked, places=[same, near]) == [
        ("Ask for NC8as_T4_v3", "pool add demo/gpu --size Standard_NC8as_T4_v3")
    ]
    (far,) = elsewhere([{"region": "westus3", "pool": {**POOL, "zones": ["1"]}}], {"region": "eastus", "pool": asked})
    assert offers("cluster create demo --size NC4as_T4_v3", far) == [
        ("Ask for NC8as_T4_v3 in westus3, zone 1", "cluster create demo --size Standard_NC8as_T4_v3 --zone 1 --region westus3")
    ]
    assert offers(ADD, far) == [], "a pool is where its cluster is"


def test_a_retired_or_misspelt_size_is_replaced_where_that_is_what_was_refused() -> None:
    said = "`Standard_NC6` (K80) was retired by Azure on 6 September 2023. Use `Standard_NC4as_T4_v3` instead."
    found = instead("cluster create demo --size Standard_NC6 --for 8h", said)
    assert found is not None
    assert (found[0], found[1].text) == ("Ask for NC4as_T4_v3", "cluster create demo --for 8h --size Standard_NC4as_T4_v3")
    assert instead("cluster create demo --size Standard_NC6", "Guests may not ask for that.") is None
    assert instead(ADD, "On it: `/gpu pool add`") is None
