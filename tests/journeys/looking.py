"""A look into a simulated cluster from outside, as kubectl would have it: by the kubeconfig that AKS hands out."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from typing import Any

import yaml

from tests.playing import Playing

ARM = "https://management.azure.com/"
VERSION = "2026-05-01"


class Looking:
    """Reads (and writes) objects of the cluster `name`, whose resource group is the bot's own."""

    def __init__(self, play: Playing, name: str) -> None:
        env = play.ready["env"]
        ca = ssl.create_default_context(cafile=env["SSL_CERT_FILE"])
        token = _fetched(f"{env['IDENTITY_ENDPOINT']}?resource={ARM}&api-version=2019-08-01", {"X-IDENTITY-HEADER": env["IDENTITY_HEADER"]})
        path = f"/subscriptions/{env['AZURE_SUBSCRIPTION_ID']}/resourceGroups/quartermaster-{name}/providers/Microsoft.ContainerService"
        url = f"{env['AZURE_ARM_BASE_URL']}{path}/managedClusters/{name}/listClusterUserCredential?api-version={VERSION}"
        listed = _fetched(url, {"Authorization": f"Bearer {token['access_token']}"}, ca, method="POST")
        self.kubeconfig = base64.b64decode(listed["kubeconfigs"][0]["value"]).decode()
        config = yaml.safe_load(self.kubeconfig)
        self._server = config["clusters"][0]["cluster"]["server"]
        self._headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
        self._ca = ca

    def get(self, path: str) -> Any:
        """The object at `path`, or None."""
        try:
            return _fetched(self._server + path, self._headers, self._ca)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def create(self, path: str, body: dict[str, Any]) -> None:
        """Create an object, as somebody with kubectl would."""
        _fetched(self._server + path, self._headers, self._ca, method="POST", body=body)

    def delete(self, path: str) -> None:
        """Delete the object at `path`, as somebody with kubectl would."""
        _fetched(self._server + path, self._headers, self._ca, method="DELETE")

    def job(self, name: str, namespace: str = "default") -> Any:
        """The Job of that name, or None."""
        return self.get(f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}")

    def jobs(self, namespace: str = "default") -> list[Any]:
        """All Jobs of the namespace."""
        listed: list[Any] = self.get(f"/apis/batch/v1/namespaces/{namespace}/jobs")["items"]
        return listed


def _fetched(url: str, headers: dict[str, str], ca: ssl.SSLContext | None = None, method: str = "GET", body: dict[str, Any] | None = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data=data, headers={**headers, "Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, context=ca, timeout=20) as answer:
        return json.loads(answer.read())
