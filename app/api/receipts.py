"""Render what became of a submission: a receipt, or the refusal it met."""

from typing import Any

from fastapi import Response
from pydantic_core import to_json

from app.clock import written
from app.edge.once import REPLAYED, ReusedKeyError
from app.errors import AppError, NotFoundError
from app.intake.commit import CONFLICT, MISSING, REUSED, SEEN, Outcome
from app.intake.external import ExternalIdConflictError
from app.services import Services
from app.tickets import tokens

_REFUSALS: dict[int, type[AppError]] = {
    MISSING: NotFoundError,
    CONFLICT: ExternalIdConflictError,
    REUSED: ReusedKeyError,
}


def refusal(outcome: Outcome) -> AppError | None:
    """Return the refusal of an outcome that is one."""
    kind = _REFUSALS.get(outcome.status)
    return kind() if kind else None


def receipt(services: Services, outcome: Outcome) -> dict[str, Any]:
    """Return the receipt of a stored submission, from columns that never change."""
    identifier = str(outcome.id)
    return {
        "id": identifier,
        "kind": outcome.kind,
        "received_at": written(outcome.received_at),
        "duplicate": outcome.status == SEEN,
        "ticket": _ticket(services, outcome, identifier) if outcome.reference else None,
    }


def answer(services: Services, outcome: Outcome) -> Response:
    """Answer for one submission.

    Raises:
        AppError: it was refused.
    """
    if error := refusal(outcome):
        raise error
    content = to_json(receipt(services, outcome))
    return Response(content, outcome.status, REPLAYED if outcome.replayed else None, "application/json")


def _ticket(services: Services, outcome: Outcome, identifier: str) -> dict[str, Any]:
    token = tokens.make(services.secret, outcome.id, 1)
    return {
        "id": identifier,
        "reference": outcome.reference,
        "tracking_token": token,
        "status_url": f"{services.settings.public_url.rstrip('/')}/v1/track/{token}",
        "first_response_due_at": written(outcome.promised_at) if outcome.promised_at else None,
    }
