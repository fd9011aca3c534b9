"""Preview features and resource providers (Resource Manager: Features, Providers)."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from playground.azure.errors import ArmError
from playground.azure.operations import SECONDS
from playground.azure.state import Provider, Subscription, Wire, subscription_of
from playground.azure.wire import page, route

KNOWN: Final = {
    "microsoft.containerservice": ("ManagedGPUExperiencePreview", "NodeAutoProvisioningPreview", "AKS-KedaPreview", "EnableImageIntegrityPreview"),
}


def usable(subscription: Subscription, feature: str) -> bool:
    """Whether a feature is registered and the provider was registered again since (it learns of features only then)."""
    return feature in subscription.providers["microsoft.containerservice"].propagated


def _provider(request: web.Request) -> Provider:
    namespace = request.match_info["namespace"]
    provider = subscription_of(request).providers.get(namespace.lower())
    if provider is None:
        raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
    return provider


def _feature_name(provider: Provider, wanted: str) -> str:
    for name in KNOWN.get(provider.namespace.lower(), ()):
        if name.lower() == wanted.lower():
            return name
    raise ArmError(404, "FeatureNotFound", f"The feature '{wanted}' could not be found.")


def _feature(subscription: Subscription, provider: Provider, name: str) -> Wire:
    return {
        "id": f"/subscriptions/{subscription.id}/providers/Microsoft.Features/providers/{provider.namespace}/features/{name}",
        "name": f"{provider.namespace}/{name}",
        "type": "Microsoft.Features/providers/features",
        "properties": {"state": provider.features.get(name, "NotRegistered")},
    }


async def get_feature(request: web.Request) -> web.Response:
    """GET one feature."""
    provider = _provider(request)
    return web.json_response(_feature(subscription_of(request), provider, _feature_name(provider, request.match_info["feature"])))


async def list_features(request: web.Request) -> web.Response:
    """LIST the features of a provider."""
    provider, subscription = _provider(request), subscription_of(request)
    return page(request, subscription, [_feature(subscription, provider, name) for name in KNOWN.get(provider.namespace.lower(), ())])


async def register_feature(request: web.Request) -> web.Response:
    """POST …/register: Registering at once, Registered after a while."""
    return _change(request, "Registering", "Registered")


async def unregister_feature(request: web.Request) -> web.Response:
    """POST …/unregister."""
    return _change(request, "Unregistering", "Unregistered")


def _change(request: web.Request, on_the_way: str, at_the_end: str) -> web.Response:
    subscription, provider = subscription_of(request), _provider(request)
    name = _feature_name(provider, request.match_info["feature"])
    if provider.features.get(name) not in (on_the_way, at_the_end):
        provider.features[name] = on_the_way
        subscription.later(_settle(subscription, provider, name, on_the_way, at_the_end))
    return web.json_response(_feature(subscription, provider, name))


async def _settle(subscription: Subscription, provider: Provider, name: str, on_the_way: str, at_the_end: str) -> None:
    await subscription.clock.work(SECONDS["feature"])
    if provider.features.get(name) == on_the_way:
        provider.features[name] = at_the_end
    if at_the_end == "Unregistered":
        provider.propagated.discard(name)


def _provider_view(subscription: Subscription, provider: Provider) -> Wire:
    return {
        "id": f"/subscriptions/{subscription.id}/providers/{provider.namespace}",
        "namespace": provider.namespace,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": provider.state,
        "resourceTypes": [],
    }


async def get_provider(request: web.Request) -> web.Response:
    """GET one provider."""
    return web.json_response(_provider_view(subscription_of(request), _provider(request)))


async def list_providers(request: web.Request) -> web.Response:
    """LIST providers."""
    subscription = subscription_of(request)
    return page(request, subscription, [_provider_view(subscription, provider) for provider in subscription.providers.values()])


async def register_provider(request: web.Request) -> web.Response:
    """POST …/register; a registered provider learns of newly registered features by it."""
    subscription, provider = subscription_of(request), _provider(request)
    provider.propagated |= {name for name, state in provider.features.items() if state == "Registered"}
    if provider.state not in ("Registered", "Registering"):
        provider.state = "Registering"
        subscription.later(_registered(subscription, provider))
    return web.json_response(_provider_view(subscription, provider))


async def _registered(subscription: Subscription, provider: Provider) -> None:
    await subscription.clock.work(SECONDS["provider"])
    provider.state = "Registered"


async def unregister_provider(request: web.Request) -> web.Response:
    """POST …/unregister; refused while the provider has resources."""
    subscription, provider = subscription_of(request), _provider(request)
    if provider.namespace == "Microsoft.ContainerService" and subscription.clusters():
        raise ArmError(409, "SubscriptionHasExistingResources", "Cannot unregister: the subscription has resources of this provider.")
    provider.state = "NotRegistered"
    return web.json_response(_provider_view(subscription, provider))


FEATURES: Final = "/subscriptions/{sub}/providers/Microsoft.Features/providers/{namespace}/features"
PROVIDERS: Final = "/subscriptions/{sub}/providers"
ROUTES: Final = [
    route("GET", FEATURES, list_features),
    route("GET", FEATURES + "/{feature}", get_feature),
    route("POST", FEATURES + "/{feature}/register", register_feature),
    route("POST", FEATURES + "/{feature}/unregister", unregister_feature),
    route("GET", PROVIDERS, list_providers),
    route("GET", PROVIDERS + "/{namespace}", get_provider),
    route("POST", PROVIDERS + "/{namespace}/register", register_provider),
    route("POST", PROVIDERS + "/{namespace}/unregister", unregister_provider),
]
