"""How an endpoint is declared: its path, what it reads, what it answers, who may call it.

The declaration does the work (checking, encoding, caching headers) and is also what the OpenAPI
description is made from, so the two cannot differ.
"""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from flask import Blueprint, Response, g, request
from flask_login import current_user
from werkzeug.http import generate_etag

from chat.api.params import check_ids, read_body, read_query
from chat.auth import current_user as auth
from chat.auth.current_user import login_required, role_required
from chat.cache import response_dependencies
from chat.redis_schema import keys
from chat.request.handoff import of
from chat.web.response_cache.store import CachedResponse, Offer

View = Callable[..., Any]
Shape = type[msgspec.Struct]


class Route(NamedTuple):
    """One method of one path, as declared."""

    method: str
    path: str
    name: str
    summary: str
    answers: dict[int, Shape | None]
    body: Shape | None = None
    body_optional: bool = False
    query: Shape | None = None
    role: str | None = None
    cached: bool = False
    alike: bool = False
    public: bool = False


class Answer(NamedTuple):
    """An answer with another status than the first one declared."""

    value: Any
    status: int


class Encoded(NamedTuple):
    """An answer as it goes over the wire, made before (the first status declared is meant)."""

    body: bytes
    etag: str


def encode(value: Any, shape: Shape) -> Encoded:
    """Plain data in its declared shape, as JSON; a field that is not declared is not shown."""
    body = msgspec.json.encode(msgspec.convert(value, shape))
    return Encoded(body, generate_etag(body))


class Noun(Blueprint):
    """A blueprint whose routes are declared with `operation` and remembered."""

    def __init__(self, name: str) -> None:
        super().__init__(name, f"chat.api.{name}")
        self.declared: list[Route] = []

    def operation(
        self,
        method: str,
        path: str,
        answers: dict[int, Shape | None],
        *,
        body: Shape | None = None,
        body_optional: bool = False,
        query: Shape | None = None,
        role: str | None = None,
        cached: bool = False,
        alike: bool = False,
        public: bool = False,
    ) -> Callable[[View], View]:
        """Declare a view. It gets its path's values, `body` and `query`, and returns plain data.

        ``alike``: everybody who gets this answer gets the same, whatever their role and language.
        """

        def declare(view: View) -> View:
            summary = (view.__doc__ or "").strip().splitlines()[0]
            route = Route(method, path, f"{self.name}.{view.__name__}", summary, answers, body,
                          body_optional, query, role, cached, alike, public)  # fmt: skip
            self.declared.append(route)
            self.add_url_rule(path, view.__name__, _guarded(_serving(view, route), route),
                              methods=[method])  # fmt: skip
            return view

        return declare


def _guarded(view: View, route: Route) -> View:
    if route.public:
        return view
    return role_required(route.role)(view) if route.role else login_required(view)


def _serving(view: View, route: Route) -> View:
    @wraps(view)
    def serve(**values: Any) -> Response:
        check_ids(values)
        if route.query:
            values["query"] = read_query(route.query)
        if route.body:
            values["body"] = read_body(route.body, route.body_optional)
        g.pop("x_cache", None)  # what finding the caller took is not part of the answer
        return _answer(view(**values), route)

    return serve


def _answer(result: Any, route: Route) -> Response:
    value, status = result if isinstance(result, Answer) else (result, next(iter(route.answers)))
    shape = route.answers[status]
    if shape is None:
        return Response(status=HTTPStatus.NO_CONTENT)
    encoded = value if isinstance(value, Encoded) else encode(value, shape)
    response = Response(encoded.body, status, content_type="application/json")
    return _validated(response, encoded, route) if route.method == "GET" else response


def _validated(response: Response, encoded: Encoded, route: Route) -> Response:
    """ETag, 304 when the caller has it already, and where the answer came from."""
    outcome = g.get("x_cache") if route.cached else None
    if outcome:
        response.headers["X-Cache"] = outcome
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(("Authorization", "Cookie"))
    response.set_etag(encoded.etag, weak=True)  # the same for every compressed form
    if route.cached and outcome == "hit":
        _offer(encoded, route)
    response.make_conditional(request)
    return response


def _offer(encoded: Encoded, route: Route) -> None:
    """Offer this answer to the response cache, if a later request can verify it."""
    passing, made_from = of(request.environ), response_dependencies.current()
    if passing is None or made_from is None or made_from.spoiled or auth.via_token():
        return
    own = keys.profile(current_user.id)
    if own not in made_from.fenced:
        return  # who asks was found before we watched
    alike = route.alike and not made_from.personal
    answer = CachedResponse(
        encoded.body, encoded.etag, made_from.without(own) if alike else made_from,
        f"GET {request.url_rule}", [],
    )  # fmt: skip
    passing.offer = Offer(answer, current_user.id, alike)
