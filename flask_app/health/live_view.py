"""Answer that this process is running, whatever the state of its dependencies."""

from __future__ import annotations

from flask_app.contract import declare
from flask_app.health.body import HEALTH_JSON
from flask_app.schemas import LiveResponse
from flask_app.serving.bridge.never_blocks import never_blocks


@never_blocks
@declare(
    response=LiveResponse,
    media_type=HEALTH_JSON,
    summary="Liveness, for a probe",
    description="Answers at once. It checks no dependency, because restarting this process would repair none of them.",
)
def live() -> dict[str, str]:
    """Answer at once."""
    return {"status": "pass"}
