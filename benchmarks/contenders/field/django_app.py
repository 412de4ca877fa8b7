"""Django in one file, for servers of both interfaces, without middleware, as the others have none.

Over ASGI a ``def`` runs in a thread; over WSGI an ``async def`` runs on an event loop made for the request.
"""

from __future__ import annotations

import asyncio
import time

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.exceptions import BadRequest
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)


def _wait_s(request: HttpRequest) -> float:
    ms = request.GET.get("ms", "0")
    if not ms.isdecimal() or int(ms) > 1000:
        raise BadRequest("ms is from 0 to 1000.")
    return int(ms) / 1000


async def health_async(_: HttpRequest) -> JsonResponse:
    """Answer at once, on an event loop."""
    return JsonResponse({"api": "health", "version": 1})


def health_sync(_: HttpRequest) -> JsonResponse:
    """Answer at once, in a thread."""
    return JsonResponse({"api": "health", "version": 1})


async def wait_async(request: HttpRequest) -> JsonResponse:
    """Wait on an event loop, then answer."""
    await asyncio.sleep(_wait_s(request))
    return JsonResponse({"api": "health", "version": 1})


def wait_sync(request: HttpRequest) -> JsonResponse:
    """Hold a thread while waiting, then answer."""
    time.sleep(_wait_s(request))
    return JsonResponse({"api": "health", "version": 1})


urlpatterns = [
    path("health/async", health_async),
    path("health/sync", health_sync),
    path("wait/async", wait_async),
    path("wait/sync", wait_sync),
]

asgi = get_asgi_application()
wsgi = get_wsgi_application()
