"""Django Ninja: FastAPI's way of writing views on top of Django, answers validated by Pydantic; no middleware."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)

# Ninja reads Django's settings when it is imported.
from ninja import NinjaAPI, Query, Schema  # noqa: E402


class Health(Schema):
    """What every view answers."""

    api: str
    version: int


Body = dict[str, str | int]
WaitMs = Annotated[int, Query(ge=0, le=1000)]

api = NinjaAPI()


@api.get("/health/async", response=Health)
async def health_async(request: HttpRequest) -> Body:
    """Answer at once, on an event loop."""
    return {"api": "health", "version": 1}


@api.get("/health/sync", response=Health)
def health_sync(request: HttpRequest) -> Body:
    """Answer at once, in a thread."""
    return {"api": "health", "version": 1}


@api.get("/wait/async", response=Health)
async def wait_async(request: HttpRequest, ms: WaitMs = 0) -> Body:
    """Wait on an event loop, then answer."""
    await asyncio.sleep(ms / 1000)
    return {"api": "health", "version": 1}


@api.get("/wait/sync", response=Health)
def wait_sync(request: HttpRequest, ms: WaitMs = 0) -> Body:
    """Hold a thread while waiting, then answer."""
    time.sleep(ms / 1000)
    return {"api": "health", "version": 1}


urlpatterns = [path("", api.urls)]

asgi = get_asgi_application()
wsgi = get_wsgi_application()
