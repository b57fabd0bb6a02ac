"""The HTTP side: BaSyx's delegations, the direct REST with Swagger UI at /, health and metrics.

POST /delegation/<cell>/<Operation>     BaSyx: OperationVariables in and out, always 200 with Status and Message
POST /api/cells/<cell>/<operation>      people and programs: plain JSON, errors as application/problem+json
POST /api/fleet/predict-all
GET  /health/live, /health/ready, /metrics, /swagger.json
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, jsonify, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_restx import Api, Resource
from werkzeug.exceptions import HTTPException

from operations.cell.live_twin import LiveTwin, Predictor
from operations.request import logs
from operations.request.edge import parse_json, swagger_schema
from operations.request.errors import STATUSES, InvalidInput, OperationError, Problem, as_operation_error
from operations.request.metrics import Metrics
from operations.request.settings import Settings
from operations.service import delegation, doors
from operations.service.execution import FLEET, OPERATIONS, Operation, execute

PROBLEM = "application/problem+json"
DESCRIPTION = """Operations of the battery twin, directly. The same operations are invoked on the shells through
Eclipse BaSyx (`POST /submodels/{id}/submodel-elements/{operation}/invoke`), which calls `/delegation/...` here.

Errors are `application/problem+json` (RFC 9457) with `Status` (the same code that BaSyx's callers get in the output
Status), `RequestId` and, for invalid input, `errors` with field, value and what is allowed. Nothing is written then.
"""

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def version() -> str:
    """Version of the product."""
    return tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"]


def create_app(settings: Settings, model: Predictor) -> Flask:
    """The delegate as a WSGI application."""
    app = Flask(__name__)
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        RESTX_MASK_SWAGGER=False,
        SWAGGER_UI_DOC_EXPANSION="list",
        ERROR_INCLUDE_MESSAGE=False,
    )
    live = LiveTwin(settings, model, Metrics())
    app.extensions["twin"] = live
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://", headers_enabled=True)
    _add_request_ids(app)
    doors.add_guard(app, settings)
    _add_delegation(app, settings, live, limiter)
    _add_health(app, live)
    _add_rest(app, settings, live, limiter)
    app.register_error_handler(Exception, problem_response)
    return app


def _add_request_ids(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        g.request_id = logs.new_request_id(request.headers.get("X-Request-ID"))

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        return response


def _json_body() -> Any:
    """The body as JSON. Raises InvalidInput: 400 for what is no JSON, 413 for too large, 415 for another type."""
    if request.mimetype != "application/json":
        raise InvalidInput(Problem("Content-Type", request.mimetype[:60], "must be application/json"), http_status=415)
    try:
        return parse_json(request.get_data(cache=False))
    except HTTPException as error:
        allowed = f"must be at most {request.max_content_length} bytes"
        raise InvalidInput(Problem("body", "", allowed), http_status=error.code or 400) from None


# --- what BaSyx calls


def _add_delegation(app: Flask, settings: Settings, live: LiveTwin, limiter: Limiter) -> None:
    @app.post("/delegation/<cell>/<name>")
    @limiter.exempt
    def delegate(cell: str, name: str) -> tuple[Response, int]:
        if not doors.is_environment(settings):
            return jsonify({"detail": "only the twin's AAS environment may call here"}), 403
        operation = OPERATIONS.get(name)
        if operation is None:
            return jsonify({"detail": "there is no such operation"}), 404

        def values() -> dict[str, Any]:
            return delegation.from_variables(operation.inputs, _json_body())

        try:
            outputs = execute(live, operation, cell, values, "basyx")
        except OperationError as error:
            outputs = operation.outputs(Status=error.status, Message=error.message, RequestId=g.request_id)  # type: ignore[call-arg]
        return Response(delegation.to_variables(outputs), content_type="application/json"), 200


# --- health and metrics


def _add_health(app: Flask, live: LiveTwin) -> None:
    @app.get("/health/live")
    def alive() -> Response:
        return jsonify({"status": "live"})

    @app.get("/health/ready")
    def ready() -> tuple[Response, int]:
        reachable = live.client.alive()
        state = {"status": "ready" if reachable else "not ready", "aas_environment": reachable}
        return jsonify({**state, "model": live.model.version}), 200 if reachable else 503

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(live.metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


# --- the direct REST


class TwinApi(Api):
    """Flask-RESTX with errors as problem+json, and a description that tells the path by which it was asked for."""

    @property
    def __schema__(self) -> dict[str, Any]:
        return {**super().__schema__, "basePath": self.base_path}

    def handle_error(self, e: Exception) -> Response:
        return problem_response(e)


def _add_rest(app: Flask, settings: Settings, live: LiveTwin, limiter: Limiter) -> None:
    token = {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}}
    api = TwinApi(
        app, version=version(), title="Battery twin: operations", description=DESCRIPTION, doc="/",
        default="operations", default_label="operations of the cells and of the fleet",
        authorizations=token if settings.token else None,
        security="token" if settings.token else None,
    )  # fmt: skip
    problem = api.schema_model("Problem", PROBLEM_SCHEMA)

    wrong_tokens = limiter.shared_limit(
        doors.WRONG_TOKENS, "wrong tokens", deduct_when=lambda response: response.status_code == 401
    )

    def guarded(run: Callable[..., Any]) -> Callable[..., Any]:
        limited = limiter.limit(settings.rate_limit)(run)

        def guard(*args: Any, **kwargs: Any) -> Any:
            if settings.token and not doors.has_token(settings.token):
                raise doors.Unauthorized
            return limited(*args, **kwargs)

        guard.__name__, guard.__doc__ = run.__name__, run.__doc__
        return wrong_tokens(guard) if settings.token else guard

    for operation in OPERATIONS.values():
        _add_operation(api, live, operation, problem, guarded)


def _add_operation(api: Api, live: LiveTwin, operation: Operation, problem: Any, guarded: Callable[..., Any]) -> None:
    inputs = api.schema_model(
        f"{operation.id_short}Inputs", swagger_schema(operation.inputs) | {"example": operation.example}
    )
    outputs = api.schema_model(f"{operation.id_short}Outputs", swagger_schema(operation.outputs))

    def post(self: Resource, cell: str = FLEET) -> Any:
        found = execute(live, operation, cell, _object_body, "direct")
        return found.model_dump(mode="json")

    post.__doc__ = operation.summary
    post = api.response(200, "done", outputs)(guarded(post))
    for status in (400, 401, 404, 409, 413, 415, 422, 429, 500, 503, 504):
        post = api.response(status, HTTP_WORDS[status], problem)(post)
    post = api.expect(inputs, validate=False)(api.doc(id=operation.id_short, consumes=["application/json"])(post))
    resource = type(operation.id_short, (Resource,), {"post": post})
    if operation.of_fleet:
        api.add_resource(resource, f"/api/fleet/{operation.path}")
    else:
        cell = {"description": "name of the cell", "in": "path", "type": "string", "default": "B0005"}
        api.doc(params={"cell": cell})(resource)
        api.add_resource(resource, f"/api/cells/<string:cell>/{operation.path}")


def _object_body() -> dict[str, Any]:
    body = _json_body()
    if not isinstance(body, dict):
        raise InvalidInput(Problem("body", "", "must be a JSON object"))
    return body


HTTP_WORDS = {
    400: "the body is no JSON",
    401: "the token is missing or wrong",
    404: "no such cell, submodel or alert",
    409: "conflict with the present state",
    413: "the body is too large",
    415: "the body is not application/json",
    422: "a value is not allowed; errors names field, value and what is allowed",
    429: "too many requests from this address",
    500: "internal error",
    503: "the AAS environment cannot be reached or gives unusable answers",
    504: "not finished in time",
}

PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "Status", "RequestId"],
    "properties": {
        "type": {"type": "string", "description": "always about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer", "description": "the HTTP status"},
        "detail": {"type": "string"},
        "Status": {"type": "string", "enum": [*STATUSES, "refused"]},
        "RequestId": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("field", "value", "allowed")},
            },
        },
    },
}


def problem_response(error: Exception) -> Response:
    """Any error as application/problem+json (RFC 9457); an unexpected one says nothing of its inside."""
    more: dict[str, Any] = {}
    if isinstance(error, HTTPException):
        status = error.code or 500
        known = {"Status": {404: "notFound"}.get(status, "refused"), "title": error.name, "detail": error.description}
    else:
        if not isinstance(error, OperationError):
            logs.say(logging.ERROR, "a request failed", exc_info=error)
        found = as_operation_error(error)
        status = found.http_status
        known = {"Status": found.status, "title": found.title, "detail": found.message}
        if isinstance(found, InvalidInput):
            more["errors"] = [vars(problem) for problem in found.problems]
    body = {"type": "about:blank", "status": status, "RequestId": g.get("request_id"), **known, **more}
    response = jsonify(body)
    response.status_code, response.content_type = status, PROBLEM
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
