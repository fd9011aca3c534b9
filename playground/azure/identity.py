"""Who may call: a managed identity endpoint (App Service form) and a token service, both answering JWT-shaped tokens that only this process accepts.

Routes: ``/msi/token`` (header X-IDENTITY-HEADER), ``/{tenant}/oauth2/v2.0/token`` (client credentials),
``/{tenant}/v2.0/.well-known/openid-configuration``. A token is good for the audience that it was asked for, and only until it expires -
in real time, not the playground's: clients keep tokens by their own clock.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from typing import Final

from aiohttp import web

from playground.azure.errors import ArmError

TENANT: Final = "00000000-0000-4000-8000-00000000000a"
PRINCIPAL: Final = "00000000-0000-4000-8000-00000000000b"
HEADER: Final = os.environ.get("PLAYGROUND_IDENTITY_HEADER", "playground")
LIFETIME: Final = 24 * 3600
ARM_AUDIENCES: Final = ("https://management.azure.com", "https://management.core.windows.net")
_KEY: Final = secrets.token_bytes(32)


def issue(audience: str, *, issuer: str = "https://127.0.0.1", lifetime: int = LIFETIME) -> tuple[str, int]:
    """A new token and when it expires (epoch seconds). `audience` is a resource, or a scope with its ``/.default``."""
    expires_on = int(time.time()) + lifetime
    claims = {
        "aud": audience.removesuffix("/.default").rstrip("/"),
        "iss": f"{issuer}/{TENANT}/v2.0",
        "tid": TENANT,
        "oid": PRINCIPAL,
        "exp": expires_on,
        "jti": secrets.token_hex(8),
    }
    signed = f"{_part(json.dumps({'typ': 'JWT', 'alg': 'HS256'}).encode())}.{_part(json.dumps(claims).encode())}"
    return f"{signed}.{_signature(signed)}", expires_on


def audience_of(token: str) -> str | None:
    """What a token is good for; None where it was not issued by this process, was changed, or has expired."""
    signed, _, signature = token.rpartition(".")
    if not signed or not hmac.compare_digest(_signature(signed).encode(), signature.encode()):
        return None
    claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
    return str(claims["aud"]) if claims["exp"] > time.time() else None


def _signature(signed: str) -> str:
    return _part(hmac.new(_KEY, signed.encode(), hashlib.sha256).digest())


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


class Identity:
    """Checks tokens for Resource Manager, and answers those who ask for one; `public_url` has no trailing slash."""

    def __init__(self, public_url: str = "https://127.0.0.1") -> None:
        self._public_url = public_url

    def check(self, authorization: str | None) -> None:
        """Raises 401 with a Bearer challenge, as Resource Manager does, unless this is a good token for it."""
        if not authorization or not authorization.startswith("Bearer "):
            raise self._challenge("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.", "invalid_request")
        audience = audience_of(authorization.removeprefix("Bearer "))
        if audience is None:
            raise self._challenge("InvalidAuthenticationToken", "The access token is invalid or has expired.", "invalid_token")
        if audience not in ARM_AUDIENCES:
            raise self._challenge(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{audience}'. "
                f"It should exactly match with one of the allowed audiences '{ARM_AUDIENCES[0]}/','{ARM_AUDIENCES[1]}/'.",
                "invalid_token",
            )

    def _challenge(self, code: str, message: str, error: str) -> ArmError:
        challenge = f'Bearer authorization_uri="{self._public_url}/{TENANT}", error="{error}", error_description="{message}"'
        return ArmError(401, code, message, headers={"WWW-Authenticate": challenge})

    async def managed(self, request: web.Request) -> web.Response:
        """GET /msi/token?resource=…&api-version=2019-08-01."""
        if request.headers.get("X-IDENTITY-HEADER") != HEADER:
            return web.json_response({"statusCode": 401, "message": "X-IDENTITY-HEADER does not match"}, status=401)
        resource = request.query.get("resource")
        if not resource:
            return web.json_response({"statusCode": 400, "message": "resource is missing"}, status=400)
        token, expires_on = issue(resource, issuer=self._public_url)
        return web.json_response(
            {
                "access_token": token,
                "expires_on": str(expires_on),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": request.query.get("client_id", PRINCIPAL),
            }
        )

    async def token(self, request: web.Request) -> web.Response:
        """POST /{tenant}/oauth2/v2.0/token with a form: grant_type=client_credentials, client_id, client_secret, scope."""
        form = await request.post()
        scope = str(form.get("scope", ""))
        if form.get("grant_type") != "client_credentials" or not form.get("client_id") or not scope:
            return web.json_response({"error": "invalid_request", "error_description": "AADSTS900144: a parameter is missing."}, status=400)
        wanted = [part for part in scope.split() if part not in ("openid", "profile", "offline_access")]
        token, expires_on = issue(wanted[0] if wanted else "", issuer=self._public_url)
        return web.json_response({"token_type": "Bearer", "expires_in": int(expires_on - time.time()), "access_token": token})

    async def configuration(self, request: web.Request) -> web.Response:
        """GET /{tenant}/v2.0/.well-known/openid-configuration."""
        root = f"{self._public_url.partition('://')[0]}://{request.host}/{request.match_info['tenant']}"
        return web.json_response(
            {
                "issuer": f"{root}/v2.0",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "jwks_uri": f"{root}/discovery/v2.0/keys",
            }
        )

    def routes(self) -> list[web.RouteDef]:
        """To be added to any application."""
        return [
            web.get("/msi/token", self.managed),
            web.post("/{tenant}/oauth2/v2.0/token", self.token),
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self.configuration),
        ]


def add_routes(app: web.Application) -> None:
    """The routes on an application of its own: IDENTITY_ENDPOINT may be plain http."""
    app.add_routes(Identity().routes())
