"""Declare a view's query and answer once, so that both are validated, the answer is serialised and both are documented.

A view under a contract returns the answer as the client is to see it: one mapping of JSON values, beside it a status
where the contract knows more than 200. Any other value, or a mapping that its schema forbids, is a fault of the view,
and the client gets a 500 that tells it nothing.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Response, current_app, request
from marshmallow import RAISE, Schema, ValidationError, fields, missing

from flask_app.problems import InvalidQueryError

View = TypeVar("View", bound=Callable[..., Any])

JSON = "application/json"

_ATTRIBUTE = "__contract__"
_REPEATED = "Give this parameter once."


class ContractBrokenError(Exception):
    """A view returned what its own contract forbids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a view declares of itself.

    Attributes:
        response: Schema of the 200 answer.
        media_type: Of the answer.
        also: The other statuses that the view may answer with, in the same schema: in words, by status.
        query: Schema of the query string; ``None`` when the view takes none, and then ignores whatever is sent.
        summary: One line, for the document.
        description: Markdown, for the document; may be empty.
    """

    response: Schema
    media_type: str
    also: Mapping[int, str]
    query: Schema | None
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
    """Put a view, ``def`` or ``async def``, under a contract.

    The view receives the validated query as keyword arguments, one for each field. The client gets a 422 that names
    each parameter at fault: of the wrong type, out of range, missing, repeated, or unknown.

    Args:
        response: What the view answers. A field that only loads or only dumps has no place in it: the answer is
            validated in the same shape as it is sent.
        media_type: Of the answer: JSON of some kind.
        also: Statuses beside 200 that the view may answer with, in the same schema, each with what it means. Such a
            view returns the mapping and the status.
        query: What it takes in the query string, in single values.
        summary: One line, for the document.
        description: Markdown, for the document; the view's docstring when empty.
    Returns:
        A decorator. What it makes is a function of the same kind, with the name, docstring and signature of the view.
    Raises:
        TypeError: From the decorator, when the schemas and the view cannot be what was meant.
    """

    def decorate(view: View) -> View:
        contract = Contract(
            response=_answer_schema(response),
            media_type=media_type,
            also=dict(also or {}),
            query=None if query is None else _query_schema(query, view),
            summary=summary,
            description=description or inspect.getdoc(view) or "",
        )
        asked = view if contract.query is None else _with_query(view, contract.query)
        answer: Callable[[Any], Any] = _answerer(view, contract.response)
        if contract.also or contract.media_type != JSON:
            answer = _responder(view, contract, answer)
        contracted: Callable[..., Any]

        # Two functions, though one could serve both kinds: a def view is not to pay for a coroutine it has no use for.
        if inspect.iscoroutinefunction(view):

            @functools.wraps(view)
            async def contracted(**url: Any) -> Any:
                return answer(await asked(**url))

        else:

            @functools.wraps(view)
            def contracted(**url: Any) -> Any:
                return answer(asked(**url))

        setattr(contracted, _ATTRIBUTE, contract)
        return contracted  # type: ignore[return-value]  # it keeps the kind and signature of the view

    return decorate


def contract_of(view: Callable[..., Any]) -> Contract | None:
    """Return what a view declared of itself, or ``None`` when it declared nothing."""
    contract: Contract | None = getattr(view, _ATTRIBUTE, None)
    return contract


def _answerer(view: Callable[..., Any], schema: Schema) -> Callable[[Any], dict[str, Any]]:
    load = _loader(schema)
    keys = frozenset(field.data_key or name for name, field in schema.load_fields.items())
    let_through = [(field.data_key or name, _types_let_through(field)) for name, field in schema.load_fields.items()]
    is_plain = _is_plain(schema)

    def answer(returned: Any) -> dict[str, Any]:
        if is_plain and type(returned) is dict and returned.keys() == keys:
            for key, types in let_through:
                if type(returned[key]) not in types:
                    break
            else:
                # Every field would let its value through as it is.
                return returned.copy()
        # Only load() validates: dump() alone passes over missing and unknown fields, and makes a 1 of "1" without a
        # word.
        try:
            valid = load(returned)
        except ValidationError as invalid:
            raise ContractBrokenError(f"{view.__qualname__} broke its contract: {invalid.messages}") from invalid
        serialised: dict[str, Any] = schema.dump(valid)
        return serialised

    return answer


def _responder(
    view: Callable[..., Any], contract: Contract, answer: Callable[[Any], dict[str, Any]]
) -> Callable[[Any], Response]:
    # What Flask would make of a mapping is a 200 of application/json; this is for all else.
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


def _is_plain(schema: Schema) -> bool:
    # No hook, no overridden method, no attribute by another name: such a schema does nothing that its fields do not.
    own_classes = type(schema).__mro__[: type(schema).__mro__.index(Schema)]
    has_methods = any(inspect.isroutine(member) for own in own_classes for member in vars(own).values())
    return not has_methods and all(field.attribute is None for field in schema.fields.values())


def _loader(schema: Schema) -> Callable[[Any], dict[str, Any]]:
    # load() in less time, of what is valid: asking the fields directly saves what a schema does around them. All else
    # goes the long way, which knows all that is wrong with it.
    if not _is_plain(schema):
        return schema.load
    steps = [(name, field.data_key or name, field.deserialize) for name, field in schema.load_fields.items()]
    keys = frozenset(key for _, key, _ in steps)

    def load(given: Any) -> dict[str, Any]:
        if type(given) is dict and given.keys() <= keys:
            valid = {}
            try:
                for name, key, deserialize in steps:
                    value = deserialize(given.get(key, missing), key, given)
                    if value is not missing:
                        valid[name] = value
            except ValidationError:
                pass
            else:
                return valid
        loaded: dict[str, Any] = schema.load(given)
        return loaded

    return load


def _types_let_through(field: fields.Field[Any]) -> tuple[type, ...]:
    # Of these, deserialize() returns the value that it was given, and serialize() too: marshmallow's own field of the
    # kind, with nothing that could refuse a value or write it otherwise.
    if field.validators or field.pre_load or field.post_load:
        return ()
    let_through: tuple[type, ...] = ()
    if type(field) is fields.String:
        let_through = (str,)
    elif type(field) is fields.Integer and not field.as_string:
        let_through = (int,)
    return (*let_through, type(None)) if let_through and field.allow_none else let_through


def _with_query(view: Callable[..., Any], schema: Schema) -> Callable[..., Any]:
    load = _loader(schema)

    def with_query(**url: Any) -> Any:
        given = request.args.to_dict(flat=False)
        errors: dict[str, Any] = {name: [_REPEATED] for name, values in given.items() if len(values) > 1}
        try:
            query = load({name: values[0] for name, values in given.items()})
        except ValidationError as invalid:
            errors = invalid.messages_dict | errors
        if errors:
            raise InvalidQueryError(errors)
        return view(**url, **query)

    return with_query


def _answer_schema(schema_class: type[Schema]) -> Schema:
    schema = schema_class(unknown=RAISE)
    if schema.many:
        raise TypeError(f"{schema_class.__name__} cannot be an answer: it is of many, and an answer is one mapping.")
    if schema.load_fields.keys() != schema.dump_fields.keys():
        one_way = sorted(schema.load_fields.keys() ^ schema.dump_fields.keys())
        raise TypeError(f"{schema_class.__name__} cannot be an answer: {', '.join(one_way)} only loads or only dumps.")
    return schema


def _query_schema(schema_class: type[Schema], view: Callable[..., Any]) -> Schema:
    schema = schema_class(unknown=RAISE)
    parameters = ", ".join(sorted(field.data_key or name for name, field in schema.load_fields.items()))
    schema.error_messages["unknown"] = f"Unknown parameter; those known here: {parameters}."
    arguments = [field.attribute or name for name, field in schema.load_fields.items()]
    try:
        inspect.signature(view).bind_partial(**dict.fromkeys(arguments))
    except TypeError as error:
        raise TypeError(f"{view.__qualname__} cannot take the query that it declares: {error}.") from error
    return schema
