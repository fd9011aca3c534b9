"""Who may do what, and how the server says no."""

from __future__ import annotations

import pytest
import urllib3
import yaml

from playground.azure.identity import issue
from playground.kubernetes.rbac import AKS_SERVER_APP
from tests.playground.kubernetes.conftest import Kube

PODS = "/api/v1/namespaces/default/pods"


@pytest.mark.parametrize("token", ["", "wrong", "a.b.c", "ä"])
def test_unknown_tokens_are_unauthorized(kube: Kube, token: str) -> None:
    status, answer, _ = kube.call("GET", PODS, token=token.encode("latin-1", "replace").decode("latin-1"))
    assert (status, answer["reason"], answer["message"]) == (401, "Unauthorized", "Unauthorized")


def test_a_token_of_one_cluster_is_nothing_in_another(kube: Kube) -> None:
    kube.server.do(lambda: kube.server.clusters.create("other--one", kubernetes_version="1.34.2"))
    other = Kube(kube.server, "other--one")
    assert kube.call("GET", PODS, token=other.token)[0] == 401


def test_a_reader_reads_and_a_nobody_does_nothing(kube: Kube) -> None:
    reader, nobody = kube.as_role("reader"), kube.as_role("nobody")
    assert reader.call("GET", PODS)[0] == 200
    status, answer, _ = reader.call("POST", PODS, {})
    assert (status, answer["reason"]) == (403, "Forbidden")
    expected = 'pods is forbidden: User "playground-reader" cannot create resource "pods" in API group "" in the namespace "default"'
    assert answer["message"] == expected
    for path in (PODS, "/api/v1/nodes", "/apis/batch/v1/jobs"):
        status, answer, _ = nobody.call("GET", path)
        assert (status, answer["kind"]) == (403, "Status")
    assert answer["message"].endswith('cannot list resource "jobs" in API group "batch" at the cluster scope')
    assert nobody.call("GET", "/version")[0] == 200


@pytest.mark.parametrize(
    ("role", "verb", "allowed"), [("admin", "create", True), ("reader", "create", False), ("reader", "list", True), ("nobody", "list", False)]
)
def test_reviews_answer_as_the_server_would_act(kube: Kube, role: str, verb: str, allowed: bool) -> None:
    body = {"spec": {"resourceAttributes": {"verb": verb, "resource": "pods", "namespace": "default"}}}
    review = kube.as_role(role).create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    assert review["status"]["allowed"] is allowed


def test_rights_can_be_taken_away_on_demand(kube: Kube) -> None:
    kube.fault("POST .*/jobs", "forbidden", role="reader")
    assert kube.call("POST", "/apis/batch/v1/namespaces/default/jobs", {})[0] == 403
    assert kube.call("POST", "/apis/batch/v1/namespaces/default/jobs", {})[0] == 422


def test_entra_clusters_hand_out_no_token_and_take_one_for_aks(kube: Kube) -> None:
    config = yaml.safe_load(kube.server.do(lambda: kube.server.clusters.kubeconfig(kube.id, entra=True)))
    user = config["users"][0]["user"]
    assert (user["exec"]["command"], "token" in user) == ("kubelogin", False)
    assert AKS_SERVER_APP in user["exec"]["args"]
    assert kube.call("GET", PODS, token=issue(f"{AKS_SERVER_APP}/.default")[0])[0] == 200
    assert kube.call("GET", PODS, token=issue("https://management.azure.com/.default")[0])[0] == 401


def test_kubeconfigs_name_the_cluster_and_its_authority(kube: Kube) -> None:
    config = yaml.safe_load(kube.server.do(lambda: kube.server.clusters.kubeconfig(kube.id.upper())))
    cluster = config["clusters"][0]["cluster"]
    assert cluster["server"] == f"{kube.server.url}/clusters/{kube.id}"
    assert cluster["certificate-authority-data"]
    assert config["current-context"] == kube.id.partition("--")[2]
    with pytest.raises(KeyError):
        kube.server.do(lambda: kube.server.clusters.kubeconfig("group--nothing"))


def test_a_cluster_that_is_gone_answers_nothing(kube: Kube) -> None:
    kube.server.do(lambda: kube.server.clusters.delete(kube.id))
    with pytest.raises(urllib3.exceptions.HTTPError):
        kube.call("GET", "/version")
    kube.server.do(lambda: kube.server.clusters.create(kube.id, kubernetes_version="1.35"))
    assert kube.get("/version")["gitVersion"] == "v1.35.2"
    assert kube.get("/version")["minor"] == "35"
