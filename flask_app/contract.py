"""Declare a view's query and answer once, so that both are validated, the answer is serialised and both are documented.

A view with a contract returns the answer as the client will see it: one mapping of JSON values, and a status if the
contract declares others than 200. Any other value, or a mapping that does not match the schema, is an error in the
view, and the client gets a 500 without details.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Response, current_app, request
from flask.views import MethodView
from marshmallow import Schema, ValidationError, missing
from werkzeug.routing import Rule

from flask_app.problems import InvalidQueryError
from flask_app.wire.answers import Answers
from flask_app.wire.field_schemas import is_required
from flask_app.wire.query import InvalidError, Parameter, Query
from flask_app.wire.refusal import UndocumentableError

View = TypeVar("View", bound=Callable[..., Any])

JSON = "application/json"
# Errors that every route can have: a wrong method, a body that is too long, an error in the service.
ERRORS_OF_EVERY_ROUTE = (405, 413, 500)
_INVALID_QUERY = 422
_WITHOUT_BODY = {204, 205, 304}

_ATTRIBUTE = "__contract__"


class ContractBrokenError(Exception):
    """A view returned an answer that violates its contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A view's declaration of its query and answer.

    Attributes:
        response: Schema of the 200 answer.
        media_type: Of the answer.
        also: Descriptions of the other statuses that the view may answer with, in the same schema, by status.
        query: Schema of the query string; ``None`` if the view takes none and ignores it.
        parameters: The query's parameters, as they are documented and parsed.
        summary: One line, for the document.
        description: Markdown, for the document; may be empty.
    """

    response: Schema
    media_type: str
    also: Mapping[int, str]
    query: Schema | None
    parameters: tuple[Parameter, ...]
    summary: str
    description: str


def declare(
    *,
    response: type[Schema],
    media_type: str = JSON,
    also: Mapping[int, str] | None = None,
    query: type[Schema] | None = None,
    summary: str,
    description: str = "",
) -> Callable[[View], View]:
    """Give a view, ``def`` or ``async def``, a contract.

    The view receives the validated query as keyword arguments, one for each field. The client gets a 422 that names
    each invalid parameter: of the wrong type, out of range, missing, repeated, or unknown.

    Args:
        response: Schema of the view's answer. It must not have load-only or dump-only fields, because the answer is
            validated in the form in which it is sent.
        media_type: Of the answer: JSON of some kind.
        also: Statuses other than 200 that the view may answer with, in the same schema, each with its meaning. Such a
            view returns the mapping and the status.
        query: Schema of the query string.
        summary: One line, for the document.
        description: Markdown, for the document; the view's docstring when empty.
    Returns:
        A decorator, whose result is a function of the same kind, with the view's name, docstring and signature.
    Raises:
        TypeError: Raised by the decorator if the schemas and the view do not fit together.
    """

    def decorate(view: View) -> View:
        if inspect.isclass(view):
            raise TypeError(
                f"{view.__qualname__} cannot have a contract: it is a class; put one on each of its methods."
            )
        answers, taken = _answers(response), None if query is None else _query(query, view)
        for status in also or ():
            _check_status(status, view, takes_query=taken is not None)
        contract = Contract(
            response=answers.schema,
            media_type=media_type,
            also=dict(also or {}),
            query=None if taken is None else taken.schema,
            parameters=() if taken is None else tuple(taken.parameters.values()),
            summary=summary,
            description=description or inspect.getdoc(view) or "",
        )
        asked = view if taken is None else _with_query(view, taken)
        answer: Callable[[Any], Any] = _answerer(view, answers)
        if contract.also or contract.media_type != JSON:
            answer = _responder(view, contract, answer)
        contracted: Callable[..., Any]

        # Two functions, so that a def view does not pay for a coroutine that it does not need.
        # A method receives its object; everything else is passed by keyword.
        if inspect.iscoroutinefunction(view):

            @functools.wraps(view)
            async def contracted(*instance: Any, **url: Any) -> Any:
                return answer(await asked(*instance, **url))

        else:

            @functools.wraps(view)
            def contracted(*instance: Any, **url: Any) -> Any:
                return answer(asked(*instance, **url))

        setattr(contracted, _ATTRIBUTE, contract)
        return contracted  # type: ignore[return-value]  # it keeps the kind and signature of the view

    return decorate


def contract_of(view: Callable[..., Any]) -> Contract | None:
    """Return a view's contract, or ``None`` if it declared none."""
    contract: Contract | None = getattr(view, _ATTRIBUTE, None)
    return contract


def contracted_methods(view: Callable[..., Any], methods: Iterable[str]) -> dict[str, Callable[..., Any]]:
    """Return the function that handles each HTTP method: for a class-based view, its method.

    Args:
        view: The view as registered with Flask.
        methods: Such as ``GET``.
    """
    view_class = getattr(view, "view_class", None)
    if view_class is None or contract_of(view) is not None:
        return dict.fromkeys(methods, view)
    fallback = view_class.dispatch_request
    if issubclass(view_class, MethodView):
        # As in MethodView, the GET method also handles HEAD.
        fallback = getattr(view_class, "get", fallback)
    return {method: getattr(view_class, method.lower(), fallback) for method in methods}


def check_rule(rule: Rule, view: Callable[..., Any]) -> None:
    """Refuse a rule whose path has a variable with the name of a parameter of the view's query.

    Raises:
        TypeError: A path variable and a query parameter have the same name.
    """
    for function in contracted_methods(view, rule.methods or ()).values():
        contract = contract_of(function)
        arguments = () if contract is None else (parameter.argument for parameter in contract.parameters)
        if both := sorted(rule.arguments & set(arguments)):
            raise TypeError(
                f"{function.__qualname__} cannot be at {rule.rule}: its path and its query both have "
                f"{', '.join(both)}, and the view would receive it twice; rename one, or give the query's field an "
                "attribute= with another name."
            )


def _answerer(view: Callable[..., Any], answers: Answers) -> Callable[[Any], dict[str, Any]]:
    schema, holds, is_sent_as_given = answers.schema, answers.holds, answers.is_sent_as_given

    def answer(returned: Any) -> dict[str, Any]:
        if is_sent_as_given is not None and type(returned) is dict and is_sent_as_given(returned):
            # Marshmallow's result would be the same.
            return returned.copy()
        # Only load() validates: dump() alone ignores missing and unknown fields, and silently converts "1" to 1.
        try:
            valid = schema.load(returned)
        except ValidationError as invalid:
            raise ContractBrokenError(f"{view.__qualname__} broke its contract: {invalid.messages}") from invalid
        sent: dict[str, Any] = schema.dump(valid)
        if not holds(sent):
            wrong = ", ".join(answers.wrong_in(sent))
            raise ContractBrokenError(f"{view.__qualname__} broke its contract: {wrong} would not match the document.")
        return sent

    return answer


def _responder(
    view: Callable[..., Any], contract: Contract, answer: Callable[[Any], dict[str, Any]]
) -> Callable[[Any], Response]:
    # Flask itself turns a mapping into a 200 with application/json; this handles everything else.
    statuses = {200, *contract.also}

    def respond(returned: Any) -> Response:
        body, status = returned if type(returned) is tuple and len(returned) == 2 else (returned, 200)
        if status not in statuses:
            raise ContractBrokenError(f"{view.__qualname__} broke its contract: it does not declare status {status!r}.")
        response: Response = current_app.json.response(answer(body))  # type: ignore[assignment]  # of the app's class
        response.status_code = status
        response.headers["Content-Type"] = contract.media_type
        return response

    return respond


def _with_query(view: Callable[..., Any], query: Query) -> Callable[..., Any]:
    load = query.load

    def with_query(*instance: Any, **url: Any) -> Any:
        try:
            arguments = load(request.args)
        except InvalidError as invalid:
            raise InvalidQueryError(invalid.errors) from invalid
        if url and not url.keys().isdisjoint(arguments) and request.url_rule is not None:
            check_rule(request.url_rule, current_app.view_functions[request.url_rule.endpoint])
        return view(*instance, **url, **arguments)

    return with_query


def _check_status(status: object, view: Callable[..., Any], *, takes_query: bool) -> None:
    others = {*ERRORS_OF_EVERY_ROUTE, *_WITHOUT_BODY, *((_INVALID_QUERY,) if takes_query else ())}
    if type(status) is not int or not 200 <= status <= 599 or status in others:
        raise TypeError(
            f"{view.__qualname__} cannot answer its schema with status {status!r}: the status is invalid, has no "
            "body, or always has a problem details answer; choose another."
        )


def _answers(schema_class: type[Schema]) -> Answers:
    try:
        return Answers(schema_class)
    except UndocumentableError as error:
        raise TypeError(f"{_name(schema_class)} cannot be an answer: {error}.") from None
    except Exception as error:  # a schema that cannot be made may fail in any way
        raise _unmade(schema_class, error) from error


def _query(schema_class: type[Schema], view: Callable[..., Any]) -> Query:
    try:
        query = Query(schema_class)
    except UndocumentableError as error:
        raise TypeError(f"{_name(schema_class)} cannot be a query: {error}.") from None
    except Exception as error:  # a schema that cannot be made may fail in any way
        raise _unmade(schema_class, error) from error
    arguments = [parameter.argument for parameter in query.parameters.values()]
    if "self" in arguments:
        raise TypeError(
            f"{view.__qualname__} cannot take the query that it declares: a method receives its object as self; give "
            "the query's field an attribute= with another name."
        )
    signature = inspect.signature(view)
    try:
        signature.bind_partial(**dict.fromkeys(arguments))
    except TypeError as error:
        raise TypeError(f"{view.__qualname__} cannot take the query that it declares: {error}.") from error
    for parameter in query.parameters.values():
        taken = signature.parameters.get(parameter.argument)
        is_given = is_required(parameter.field) or parameter.field.load_default is not missing
        if taken is not None and taken.default is taken.empty and not is_given:
            raise TypeError(
                f"{view.__qualname__} cannot take the query that it declares: {parameter.key} is optional, but "
                f"{parameter.argument} has no default; give it a default, or the field required=True or load_default=."
            )
    return query


def _unmade(schema_class: object, error: Exception) -> TypeError:
    return TypeError(
        f"{_name(schema_class)} or a schema nested in it cannot be made: {type(error).__name__}, {error}; fix "
        f"it: {_name(schema_class)}() has to work without arguments."
    )


def _name(schema_class: object) -> str:
    return getattr(schema_class, "__name__", repr(schema_class))
