"""The recommended path: AKS runs the GPU stack itself, people sign in through Entra ID, and no local account is left."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request

import yaml

from tests.faults.test_redis_wiped import azure
from tests.playing import ALICE, BOB, CAROL, Playing, shown

SIZE = "Standard_NC4as_T4_v3"
FEATURE = "ManagedGPUExperiencePreview"
AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"


def approved(play: Playing, name: str) -> dict[str, object]:
    card = play.card(f"cluster {name}(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    return card


def test_the_managed_stack_from_its_feature_to_a_proof_without_a_plugin_of_ours(play: Playing) -> None:
    play.command(f"cluster create smart --size {SIZE} --driver managed --for 8h")
    assert f"/gpu feature register {FEATURE}" in shown(play.card("create smart(.|\n)*Not started"))
    play.call("POST", "/clock", {"speed": 50})
    play.command(f"feature register {FEATURE}", CAROL)
    play.card(rf"Azure is registering `{FEATURE}` \(Registering\)")
    assert not play.writes("azure", "providers/Microsoft.ContainerService/register")
    play.call("POST", "/clock", {"speed": 400})
    play.card(f"Preview feature `{FEATURE}` is registered, and the resource provider knows of it", seconds=90)
    sent = play.writes("azure", "/register")
    assert [line.partition("?")[0].rpartition("/providers/")[2] for line in sent] == [
        f"Microsoft.ContainerService/features/{FEATURE}/register", "Microsoft.ContainerService/register"
    ]  # fmt: skip
    play.call("POST", "/clock", {"speed": 200})
    play.command(f"cluster create smart --size {SIZE} --driver managed --for 8h")
    card = approved(play, "smart")
    play.reply(str(card["ts"]), "I do not install the device plugin: AKS installs and runs it on this managed pool", seconds=90)
    play.reply(str(card["ts"]), "Proven: ", seconds=90)
    assert not play.writes("kubernetes", "^P.*daemonsets")
    play.command("pool show smart/gpu")
    play.card("driver Install, managed")
    play.command("plugin install smart", ALICE)
    refused = shown(play.card("plugin (on|install) ?smart(.|\n)*Not started|install device plugin on smart(.|\n)*Not started"))
    assert "AKS" in refused
    assert not play.writes("kubernetes", "^P.*daemonsets")


def nodes(play: Playing, server: str, audience: str) -> int:
    """What the API server answers to somebody with a token for that application."""
    env = play.ready["env"]
    url = f"{env['IDENTITY_ENDPOINT']}?resource={audience}&api-version=2019-08-01"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"X-IDENTITY-HEADER": env["IDENTITY_HEADER"]})) as answer:
        token = json.loads(answer.read())["access_token"]
    asked = urllib.request.Request(f"{server}/api/v1/nodes", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(asked, context=ssl.create_default_context(cafile=play.ready["ca"])) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_cluster_without_local_accounts_is_reached_with_a_token_for_the_aks_server_and_no_other_program(play: Playing) -> None:
    play.command(f"cluster create safe --size {SIZE} --entra --no-local-accounts --for 8h")
    card = approved(play, "safe")
    play.reply(str(card["ts"]), "Proven: ", seconds=90)
    assert not play.writes("azure", "listClusterAdminCredential")
    path = "/resourceGroups/quartermaster-safe/providers/Microsoft.ContainerService/managedClusters/safe/listClusterUserCredential"
    config = yaml.safe_load(base64.b64decode(azure(play, "POST", f"{path}?api-version=2026-05-01", {})["kubeconfigs"][0]["value"]))
    assert config["users"][0]["user"]["exec"]["command"] == "kubelogin"  # which is nowhere to be found: the bot got in by itself
    server = config["clusters"][0]["cluster"]["server"]
    assert [nodes(play, server, audience) for audience in (AKS_SERVER, "https://management.azure.com")] == [200, 401]
    play.command("run vector-add --on safe")
    play.reply(play.card(r"vector-add-\w+ on safe")["ts"], "succeeded", seconds=90)
