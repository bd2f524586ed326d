"""The door of internal tools: figures, as JSON or CSV, and what they mean."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from app.api.csv import wants_csv, write
from app.edge.identity import Analyst, Now, ServicesDep
from app.edge.promises import Promise
from app.metrics import measure, parameters, query, sheet
from app.metrics.measure import SatisfactionAnswer
from app.metrics.schemas import Answer, DefinitionsOut, ResponseTimes, SlaAnswer, Volume

router = APIRouter(prefix="/v1/metrics", tags=["metrics"])
OR_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


async def given_in(request: Request) -> dict[str, list[str]]:
    """Return every query parameter with all its values."""
    return {name: request.query_params.getlist(name) for name in request.query_params}


Given = Annotated[dict[str, list[str]], Depends(given_in)]


@router.get(
    "/response-times",
    response_model=Answer[ResponseTimes],
    response_model_exclude_unset=True,
    responses=OR_CSV,
    openapi_extra=Promise(parameters=parameters.response_times()),
)
async def read_response_times(
    request: Request, given: Given, _caller: Analyst, now: Now, services: ServicesDep
) -> Answer[ResponseTimes] | Response:
    """Measure how long customers waited."""
    asked = query.response_times(given, now=now)
    answer = await services.read(partial(measure.response_times, query=asked, now=now))
    return _as_csv(answer) if wants_csv(request, asked.view.form) else answer


@router.get(
    "/sla",
    response_model=SlaAnswer,
    response_model_exclude_unset=True,
    responses=OR_CSV,
    openapi_extra=Promise(parameters=parameters.sla()),
)
async def read_sla(
    request: Request, given: Given, _caller: Analyst, now: Now, services: ServicesDep
) -> SlaAnswer | Response:
    """Measure which promises were kept."""
    asked = query.sla(given, now=now)
    answer = await services.read(partial(measure.sla, query=asked))
    return _as_csv(answer) if wants_csv(request, asked.view.form) else answer


@router.get(
    "/satisfaction",
    response_model=SatisfactionAnswer,
    response_model_exclude_unset=True,
    responses=OR_CSV,
    openapi_extra=Promise(parameters=parameters.satisfaction()),
)
async def read_satisfaction(
    request: Request, given: Given, _caller: Analyst, now: Now, services: ServicesDep
) -> SatisfactionAnswer | Response:
    """Measure what customers gave on one instrument."""
    asked = query.satisfaction(given, now=now)
    min_n = services.settings.min_n
    answer = await services.read(partial(measure.satisfaction, query=asked, now=now, min_n=min_n))
    return _as_csv(answer) if wants_csv(request, asked.view.form) else answer


@router.get(
    "/volume",
    response_model=Answer[Volume],
    response_model_exclude_unset=True,
    responses=OR_CSV,
    openapi_extra=Promise(parameters=parameters.volume()),
)
async def read_volume(
    request: Request, given: Given, _caller: Analyst, now: Now, services: ServicesDep
) -> Answer[Volume] | Response:
    """Measure how much came in."""
    asked = query.volume(given, now=now)
    answer = await services.read(partial(measure.volume, view=asked, now=now))
    return _as_csv(answer) if wants_csv(request, asked.form) else answer


@router.get("/definitions")
async def read_definitions(_caller: Analyst) -> DefinitionsOut:
    """Say what every figure means."""
    return measure.definitions()


def _as_csv(answer: Answer[Any]) -> Response:
    return Response(
        write(sheet.lines(answer), columns=sheet.columns(answer)), media_type="text/csv; charset=utf-8"
    )
