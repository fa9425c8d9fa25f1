"""The application: routes, and every error as `{error, hint}`."""

from __future__ import annotations

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from leaderboard.errors import ConsilienceError

from ..errors import hint_of, http_status
from .metrics import Traffic
from .ports import NodePort
from .routes import metrics, router

__all__ = ["create_app"]

_SERVER_ERROR = 500


def create_app(node: NodePort, traffic: Traffic, version: str) -> FastAPI:
    """The ASGI application that serves `node`; wrap it in `access.Gate` before exposing it."""
    # No interactive documentation pages: they load scripts from other hosts.
    app = FastAPI(
        title="consilience", version=version, openapi_url="/v1/openapi.json", docs_url=None, redoc_url=None
    )
    app.state.node = node
    app.state.traffic = traffic
    app.include_router(router)
    app.get("/metrics", include_in_schema=False)(metrics)
    app.add_exception_handler(ConsilienceError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)
    return app


def _answer(status: int, error: str, hint: str) -> JSONResponse:
    return JSONResponse({"error": error, "hint": hint}, status_code=status)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ConsilienceError)
    status = http_status(error)
    if status == _SERVER_ERROR:  # this node's own trouble: whoever reads the log should see it too
        structlog.get_logger("api").error("request failed", path=request.url.path[:200], error=str(error))
    return _answer(status, str(error), hint_of(error))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    complaints = [
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()[:5]
    ]
    return _answer(400, "; ".join(complaints)[:2_000], "see docs/api.md")


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _answer(error.status_code, str(error.detail), "see docs/api.md for the endpoints")


async def _bug(_: Request, __: Exception) -> JSONResponse:
    """Starlette raises it again after this answer, and anycorn logs it with its trace."""
    return _answer(500, "internal error", "the log has the details: `consilience logs`")
