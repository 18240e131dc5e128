"""The OpenAPI 3.1 description, made from what the endpoints declare."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from flask import Response, request

from chat.api import schemas
from chat.api.routing import Noun, Route

_REFS = "#/components/schemas/{name}"
_PATH_VALUE = re.compile(r"<(?:\w+:)?(\w+)>")
_REASONS = {
    200: "Done.",
    201: "Created.",
    204: "Done; there is nothing to say.",
    304: "What the caller holds is still right.",
    400: "The request cannot be read; detail and field say why.",
    401: "Nobody is signed in, or the token is not valid.",
    403: "The caller may not do this, or the CSRF token is missing.",
    404: "There is no such thing, or the caller may not know that there is.",
    409: "Something else was there first.",
    413: "Too large.",
    415: "The body is not application/json.",
    422: "Readable but not acceptable; detail and field say why.",
    429: "Too many tries.",
    503: "A part the server cannot do without is away.",
}
_SECURITY = {
    "session": {"type": "apiKey", "in": "cookie", "name": "session"},
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRFToken"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


def noun_for(nouns: Iterable[Noun]) -> Noun:
    """The blueprint that serves the description of these nouns (and of itself)."""
    noun = Noun("openapi")
    noun.declared.append(
        Route("GET", "/openapi.json", "openapi.show", "This description.", {200: None},
              public=True)
    )  # fmt: skip
    routes = [route for each in (*nouns, noun) for route in each.declared]
    document = msgspec.json.encode(describe(routes))

    @noun.get("/openapi.json")
    def show() -> Response:
        response = Response(document, content_type="application/json")
        response.add_etag(weak=True)
        response.make_conditional(request)
        return response

    return noun


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole document."""
    routes = list(routes)
    paths: dict[str, dict] = {}
    for route in routes:
        path = "/api" + _PATH_VALUE.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    shapes = [shape for route in routes for shape in (route.body, *route.answers.values()) if shape]
    _, components = msgspec.json.schema_components([*shapes, schemas.Problem], ref_template=_REFS)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Chat", "version": "1", "description": __doc__},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.name.split(".")[0]],
        "parameters": [*_path_values(route), *_query_values(route)],
        "responses": _answers(route),
        "security": _security(route),
    }
    if route.body:
        operation["requestBody"] = {
            "required": not route.body_optional,
            "content": {"application/json": {"schema": _ref(route.body)}},
        }
    return operation


def _ref(shape: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REFS.format(name=shape.__name__)}


def _path_values(route: Route) -> list[dict]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_VALUE.findall(route.path)
    ]


def _query_values(route: Route) -> list[dict]:
    if route.query is None:
        return []
    shape = msgspec.json.schema_components([route.query])[1][route.query.__name__]
    required = shape.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in shape["properties"].items()
    ]


def _answers(route: Route) -> dict[str, dict]:
    answers = {str(status): _answer(route, status) for status in route.answers}
    if route.method == "GET":
        answers["304"] = {"description": _REASONS[304]}
    for status in _errors(route):
        answers[str(status)] = {
            "description": _REASONS[status],
            "content": {"application/problem+json": {"schema": _ref(schemas.Problem)}},
        }
    return answers


def _answer(route: Route, status: int) -> dict[str, Any]:
    shape = route.answers[status]
    answer: dict[str, Any] = {"description": _REASONS[status]}
    if shape:
        answer["content"] = {"application/json": {"schema": _ref(shape)}}
    elif route.public:
        answer["content"] = {"application/json": {"schema": {"type": "object"}}}
    if route.cached:
        answer["headers"] = {
            "ETag": {"schema": {"type": "string"}},
            "X-Cache": {"schema": {"enum": ["hit", "miss", "bypass", "down"]}},
        }
    return answer


def _errors(route: Route) -> list[int]:
    changes = route.method != "GET"
    found = {429, 503}
    if not route.public:
        found.add(401)
    if changes or route.role:
        found.add(403)
    if "<" in route.path:
        found.add(404)
    if route.query or route.body:
        found.add(400)
    if route.body:
        found |= {404, 413, 415, 422}
    if changes:
        found |= {409, 422}
    return sorted(found)


def _security(route: Route) -> list[dict]:
    if route.public:
        return []
    cookie: dict[str, list] = {"session": []}
    return [{"bearer": []}, cookie if route.method == "GET" else cookie | {"csrf": []}]
