"""Bad input: each message says what is wrong, and shows a command that works (or comes one step nearer)."""

from __future__ import annotations

import re

import pytest

from bot.commands import Reply, Request, parse

S = "--size Standard_NC4as_T4_v3"
ADD = f"pool add demo/gpu {S}"

# What is wrong · what was typed · what the message says · the command that it offers ("": an example of the command)
REFUSED = [
    ("an unknown command is answered by the nearest", "clster create demo", "clster", "cluster create demo"),
    ("an unknown subcommand, too", f"pool ad demo/gpu {S}", "pool ad", f"pool add demo/gpu {S}"),
    ("a verb of pools, for a cluster", "cluster scale demo/gpu --nodes 2", "cluster scale", "pool scale demo/gpu --nodes 2"),
    ("a verb alone, with a cluster", "stop demo", "`stop`", "cluster stop demo"),
    ("a verb alone, with a pool", "scale demo/gpu --nodes 2", "`scale`", "pool scale demo/gpu --nodes 2"),
    ("a verb that is also a first word", "delete demo", "`delete`", "cluster delete demo"),
    ("a cluster for a pool, with a time", "pool extend demo 4h", "names no node pool", "pool extend demo/gpu 4h"),
    ("what destroys is offered for a slip of the finger", "cluster delet demo", "cluster delet", "cluster delete demo"),
    ("and for nothing else", "cluster rename demo", "`cluster extend`", None),
    ("nothing is near: the list", "pool frobnicate", "`pool add`", None),
    ("nothing is near at all: help", "xyzzy", "/gpu help", None),
    ("a name is missing", "cluster create", "needs CLUSTER", "cluster create demo --region eastus --size Standard_NC4as_T4_v3 --nodes 1 --for 8h"),
    ("the size is missing", "pool add demo/gpu", "--size", "pool add demo/gpu --size Standard_NC4as_T4_v3 --for 8h"),
    ("the value of an option is missing", "pool add demo/gpu --size", "needs a value", f"pool add demo/gpu {S}"),
    ("the next option was taken for the value", "pool add demo/gpu --size --spot", "needs a value", f"pool add demo/gpu {S} --spot"),
    ("a pool name with capitals", f"pool add demo/GPU {S}", "capitals", f"pool add demo/gpu {S}"),
    ("a pool name of 13 characters", f"pool add demo/abcdefghijklm {S}", "13 characters, at most 12", f"pool add demo/abcdefghijkl {S}"),
    ("a pool name with a hyphen", f"pool add demo/gpu-1 {S}", "lower-case letters and digits", f"pool add demo/gpu1 {S}"),
    ("a pool name that begins with a digit", f"pool add demo/1gpu {S}", "starting with a letter", f"pool add demo/gpu {S}"),
    ("two dots would climb to the cluster", "pool delete demo/..", "`..`", "pool delete demo/gpu"),
    ("a path in a name", "pool delete demo/gpu/../x", "node pool name", "pool delete demo/gpu"),
    ("an encoded path in a name", "pool delete demo/%2e%2e", "node pool name", None),
    ("a cluster name with dots", "cluster delete ..", "`..`", "cluster delete demo"),
    ("a cluster name with a space in it", 'cluster create "my demo"', "cluster name", "cluster create my-demo"),
    ("a cluster name of 64 characters", f"cluster create {'a' * 64}", "64 characters", f"cluster create {'a' * 63}"),
    ("no pool named", "pool delete demo", "with a slash", "pool delete demo/gpu"),
    ("a region with capitals", "cluster create demo --region EastUS", "capitals", "cluster create demo --region eastus"),
    ("a region as the portal writes it", 'cluster create demo --region "East US"', "capitals", "cluster create demo --region eastus"),
    ("no size at all", "pool add demo/gpu --size big!", "VM size", f"pool add demo/gpu {S}"),
    ("a GPU model is no size", "pool add demo/gpu --size a100", "/gpu sizes --gpu a100", "pool add demo/gpu --size Standard_NC24ads_A100_v4"),
    ("half a node", f"pool add demo/gpu {S} --nodes 1.5", "whole number", f"pool add demo/gpu {S} --nodes 1"),
    ("a node count in words", f"pool add demo/gpu {S} --nodes two", "whole number", f"pool add demo/gpu {S} --nodes 1"),
    ("no nodes", f"pool add demo/gpu {S} --nodes 0", "1 to 1000", f"pool add demo/gpu {S} --nodes 1"),
    ("too many nodes for AKS", f"pool add demo/gpu {S} --nodes 1001", "1 to 1000", f"pool add demo/gpu {S} --nodes 1000"),
    ("fewer than no nodes", "pool scale demo/gpu --nodes -3", "0 to 1000", "pool scale demo/gpu --nodes 0"),
    ("no GPU", "run mnist --gpus 0", "at least one GPU", "run mnist --gpus 1"),
    ("nine hundred days", "cluster create demo --for 900d", "at most 30 days", "cluster create demo --for 30d"),
    ("a duration without unit", "pool extend demo/gpu 8", "of what", "pool extend demo/gpu 8h"),
    ("no time", "pool extend demo/gpu 0h", "no time at all", "pool extend demo/gpu 8h"),
    ("time backwards", "cluster create demo --for -8h", "not a duration", "cluster create demo --for 8h"),
    ("a duration in other words", "cluster create demo --for tomorrow", "90m", "cluster create demo --for 8h"),
    ("a zone that is none", f"pool add demo/gpu {S} --zone 4", "1, 2 or 3", f"pool add demo/gpu {S} --zone 1"),
    ("a fixed number and a range", f"pool add demo/gpu {S} --nodes 2 --min 0 --max 4", "do not go together", None),
    ("a range with one end", f"pool add demo/gpu {S} --max 4", "`--min`", None),
    ("a range upside down", f"pool add demo/gpu {S} --min 4 --max 2", "--min 2 --max 4", None),
    ("scaled to what", "pool scale demo/gpu", "how many", "pool scale demo/gpu --nodes 2"),
    ("a price ceiling without Spot", f"pool add demo/gpu {S} --max-price 1", "`--spot`", None),
    ("a price that is none", f"pool add demo/gpu {S} --spot --max-price cheap", "US dollars", f"pool add demo/gpu {S} --spot --max-price -1"),
    ("a price too precise for Azure", f"{ADD} --spot --max-price 0.1234567", "5 decimal", f"{ADD} --spot --max-price 0.12346"),
    ("an unknown driver", f"pool add demo/gpu {S} --driver manged", "`driver-only`", f"pool add demo/gpu {S} --driver managed"),
    ("MIG without a driver", f"pool add demo/gpu {S} --mig 1g --driver none", "do not go together", None),
    ("a MIG profile that is none", f"pool add demo/gpu {S} --mig 5g", "`7g`", f"pool add demo/gpu {S} --mig 1g"),
    ("Windows", f"pool add demo/gpu {S} --os-sku Windows2022", "`Ubuntu`", None),
    ("a Kubernetes version that is none", "cluster create demo --kubernetes-version latest", "1.35", "cluster create demo --kubernetes-version 1.35"),
    ("pool options without a pool", "cluster create demo --nodes 2", "`--size`", None),
    ("nobody could sign in", "cluster create demo --no-local-accounts", "`--entra`", None),
    ("a taint without effect", f"pool add demo/gpu {S} --taint sku=gpu", "NoSchedule", f"pool add demo/gpu {S} --taint sku=gpu:NoSchedule"),
    ("a label of AKS itself", f"pool add demo/gpu {S} --label kubernetes.azure.com/mode=system", "belongs to", None),
    ("a label that is none", f"pool add demo/gpu {S} --label team=a/b", "not a label", f"pool add demo/gpu {S} --label team=vision"),
    ("the retired GPU image", f"pool add demo/gpu {S} --header UseGPUDedicatedVHD=true", "`--driver`", f"pool add demo/gpu {S}"),
    ("the other retired header", f"pool add demo/gpu {S} --header=usegen2vm=true", "Generation 2", f"pool add demo/gpu {S}"),
    ("both, as the old document has them", f"{ADD} --aks-custom-headers UseGPUDedicatedVHD=true,usegen2vm=true", "retired", ADD),
    ("somebody else's credentials", f"pool add demo/gpu {S} --header Authorization=x", "may not be set", f"pool add demo/gpu {S}"),
    ("an environment variable without a value", "run mnist --env EPOCHS", "NAME=VALUE", "run mnist --env EPOCHS=1"),
    ("an environment variable with a bad name", "run mnist --env 1A=b", "NAME=VALUE", "run mnist --env EPOCHS=10"),
    ("a token in the open", "run mnist --env HF_TOKEN=hf_" + "a" * 24, "--secret", "run mnist"),
    ("a password in the open", "run mnist --env DB_PASSWORD=hunter2hunter2", "--secret", "run mnist"),
    ("a token among the arguments", "run mnist -- --token ghp_" + "a" * 30, "--secret", None),
    ("an amount of memory in gigabytes", "run mnist --memory 16gb", "16Gi", "run mnist --memory 16Gi"),
    ("no memory", "run mnist --memory 0Gi", "Kubernetes knows", "run mnist --memory 16Gi"),
    ("an image without tag or registry, in capitals", "run MNIST", "capitals", "run mnist"),
    ("an image that is none", "run ghcr.io/Team/Train:1", "container image", "run ghcr.io/team/train:1.2"),
    ("a job name with an underscore", "logs my_job", "job name", "logs my-job"),
    ("a name that is too much", "jobs mnist", "does not take `mnist`", "jobs"),
    ("an unknown option", f"pool add demo/gpu --sise {S[7:]}", "no option `--sise`", f"pool add demo/gpu {S}"),
    ("an unknown option, like none", "jobs --frobnicate", "`--on`", None),
    ("an option of the program", "run mnist --steps 5 --on demo", "behind `--`", "run mnist --on demo -- --steps 5"),
    ("an option of the program, with others behind", "run mnist --lr=0.1 -- --x", "behind `--`", "run mnist -- --lr=0.1 --x"),
    ("a flag of the program", "run mnist --verbose --on demo", "no option `--verbose`", "run mnist --on demo -- --verbose"),
    ("an unknown option before what is run", "run --verbose mnist", "It takes `--on`", "run mnist --on demo"),
    ("an option twice", "jobs --on a --on b", "twice", "jobs --on a"),
    ("an environment variable twice", "run mnist --env A=1 --env A=2", "twice", "run mnist --env A=1"),
    ("a flag with a value", f"pool add demo/gpu {S} --spot=maybe", "takes no value", f"pool add demo/gpu {S} --spot"),
    ("arguments where none are taken", "cluster delete demo -- --force", "nothing after `--`", "cluster delete demo"),
    ("a quote that stays open", 'run mnist --env "A=b', "never closed", None),
    ("two commands at once", "/gpu nodes\n/gpu jobs", "more than one command", None),
    ("a novel", "run mnist " + "x " * 5000, "at most 8000", None),
    ("no schedule", "digest set", "needs", 'digest set "weekdays 09:00 Europe/Berlin"'),
    ("a schedule without a zone", "digest set weekdays 09:00", "time zone", 'digest set "weekdays 09:00 Europe/Berlin"'),
    ("a city for a zone", "digest set weekdays 09:00 Berlin", "Europe/Berlin", 'digest set "weekdays 09:00 Europe/Berlin"'),
    ("a misspelt zone", 'digest set "daily 8:30 Europe/Berln"', "Europe/Berln", 'digest set "daily 8:30 Europe/Berlin"'),
    ("a day that is none", 'digest set "someday 09:00 UTC"', "`someday`", 'digest set "weekdays 09:00 Europe/Berlin"'),
    ("a time that is none", 'digest set "daily 25:00 UTC"', "`25:00`", 'digest set "weekdays 09:00 Europe/Berlin"'),
]


@pytest.mark.parametrize(("typed", "says", "offers"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_is_wrong_is_said_with_what_to_type_instead(typed: str, says: str | None, offers: str | None) -> None:
    reply = parse(typed)
    assert isinstance(reply, Reply), reply
    assert not reply.ok
    assert says is None or says in reply.text
    offered = re.search(r"(?:Type|For example): `/gpu (.*)`$", reply.text)
    if offers is not None:
        assert offered
        assert offered[1] == offers
    assert len(reply.text) < 700
    if offered and typed.split()[0] not in ("pool",):
        assert isinstance(parse(offered[1]), Request), offered[1]


HOSTILE = ["<!channel>", "`rm -rf`", "<@U0BOB>", "<https://evil.example|good>", "a&b"]


@pytest.mark.parametrize("word", HOSTILE)
@pytest.mark.parametrize("typed", ["{}", "pool {}", "pool add {}", "pool add demo/{} --size x", "run mnist --env {}", "help {}", "jobs --on {}"])
def test_a_reply_can_neither_mention_nor_link_nor_leave_its_code_span(typed: str, word: str) -> None:
    reply = parse(typed.format(word))
    assert isinstance(reply, Reply)
    assert "<" not in reply.text
    assert ">" not in reply.text
    assert reply.text.count("`") % 2 == 0


def test_a_secret_is_not_repeated_in_the_refusal() -> None:
    token = "hf_" + "Q" * 24
    for typed in (f"run mnist --env A={token}", f"run mnist -- {token}", f"run mnist --secret {token}", f"run mnist --set a={token}"):
        reply = parse(typed)
        assert isinstance(reply, Reply)
        assert token not in reply.text
