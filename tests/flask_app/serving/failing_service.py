"""The service with views that fail, for a real server to serve."""

from asgiref.wsgi import WsgiToAsgi
from flask import Response

from flask_app import create_app
from flask_app.contract import declare
from flask_app.schemas import HealthResponse
from flask_app.serving.wsgi import never_empty
from flask_app.settings import Settings

service = create_app(Settings())


@service.get("/failing/sync")
def failing() -> str:
    """Fail in a def view."""
    raise RuntimeError("the password is hunter2")


@service.get("/failing/async")
async def failing_async() -> str:
    """Fail in an async def view."""
    raise RuntimeError("the password is hunter2")


@service.get("/failing/contract")
@declare(response=HealthResponse, summary="Break the contract")
def breaking() -> dict[str, str]:
    """Return what the contract forbids."""
    return {"password": "hunter2"}


@service.get("/nothing/<int:status>")
def nothing(status: int) -> Response:
    """Answer without a body."""
    return Response(status=status)


wsgi = never_empty(service)
asgi = WsgiToAsgi(service)  # type: ignore[no-untyped-call]  # asgiref leaves it unannotated
