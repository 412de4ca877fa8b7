"""Take a request through Flask on the event loop: what ``Flask.wsgi_app`` does, in its order, with awaits between.

Each method names the method of Flask whose order it keeps. What Flask does without calling the app's functions, Flask
does here too; what it calls, the plan says where.
"""

from __future__ import annotations

import sys
from asyncio import CancelledError
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextvars import Context
from typing import TYPE_CHECKING, Any

from blinker import Signal
from flask import Flask, Request, Response
from flask.ctx import RequestContext
from flask.sessions import SecureCookieSessionInterface
from flask.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    got_request_exception,
    request_finished,
    request_started,
    request_tearing_down,
)
from werkzeug.exceptions import BadRequestKeyError, HTTPException, InternalServerError
from werkzeug.routing import RoutingException
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import Response as WerkzeugResponse

from flask_app.serving.bridge.flask_internals import (
    after_this_request_functions,
    error_handler,
    is_pushed_again,
    is_unbound,
    note_first_request,
    session_of,
    unbind_app,
    unbind_request,
)
from flask_app.serving.bridge.in_context import Disconnect, Outside
from flask_app.serving.bridge.messages import Send
from flask_app.serving.bridge.plan import Function, Plan, Stretch, Where, plan, where_of, where_of_view
from flask_app.serving.bridge.reply import Reply, is_plain, reply_of, start_of, streams_async
from flask_app.serving.bridge.streams import send_call, send_parts, send_parts_async
from flask_app.serving.bridge.url_adapters import UrlAdapters
from flask_app.serving.bridge.workers import Workers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class LoopLane:
    """What the requests of one app share.

    Args:
        app: Set up: requests may come.
        workers: For what may block.
    """

    def __init__(self, app: Flask, workers: Workers) -> None:
        self.app = app
        self.workers = workers
        self.adapters: Any = UrlAdapters(app)
        self.session_blocks = not _keeps_session_in_cookie(app)
        # Then there is nothing to close where no file was asked for.
        self.closes_files_only = app.request_class.close is WerkzeugRequest.close
        self._plans: dict[str | None, Plan] = {}

    def plan_for(self, context: RequestContext) -> Plan:
        """Return the plan of a request whose URL is matched."""
        request = context.request
        rule = request.url_rule
        endpoint = None if rule is None else rule.endpoint
        kept = self._plans.get(endpoint)
        if kept is None or (endpoint is not None and kept.view is not self.app.view_functions.get(endpoint)):
            kept = self._plans[endpoint] = plan(self.app, endpoint, request.blueprints)
        return kept


class Passage:
    """One request on its way.

    Args:
        lane: Of the app.
        context: In which ``run`` is run; it is entered by nobody else.
        environ: The request, with its body.
    """

    __slots__ = ("_app", "_context", "_environ", "_lane", "_plan", "_request_context")

    def __init__(self, lane: LoopLane, context: Context, environ: WSGIEnvironment) -> None:
        self._lane = lane
        self._app = lane.app
        self._context = context
        self._environ = environ
        app = lane.app
        # What Flask.request_context does; only the URL adapter is made elsewhere.
        request = app.request_class(environ)
        request.json_module = app.json
        self._request_context = RequestContext(lane.adapters, environ, request)
        self._request_context.app = app
        self._plan: Plan | None = None

    async def run(self, send: Send, disconnect: Disconnect) -> Reply | None:
        """Answer, as ``Flask.wsgi_app`` does.

        Args:
            send: The server's; used for a streamed response only.
            disconnect: Cancels this; but not teardown, which runs to its end for a client that has gone too.
        Returns:
            The response, to be sent; ``None`` when it was streamed.
        Raises:
            Exception: An error that the app wants to reach the server, or one of its own teardown functions.
        """
        app = self._app
        environ = self._environ
        error: BaseException | None = None
        try:
            try:
                response = await self._dispatch()
            except Exception as raised:  # noqa: BLE001 - as Flask does
                error = raised
                response = await self._handle_exception(raised)
            plain = is_plain(response)
            reply = reply_of(response, environ) if plain else None
            if plain and reply is None:
                start = start_of(response, environ)
                if streams_async(response):
                    # Its generator was written for this bridge, and has the request to its end.
                    await send_parts_async(response, start, send, self._hop)
                    return None
        except BaseException as raised:
            error = error or raised
            raise
        finally:
            if error is not None and app.should_ignore_error(error):
                error = None
            await self._pop(error, disconnect)
        if reply is not None:
            return reply
        disconnect.resume()
        if plain:
            await send_parts(response, environ, start, send, self._hop)
        else:
            await send_call(response, environ, send, self._hop)
        return None

    async def _dispatch(self) -> Response:
        # RequestContext.push, then Flask.full_dispatch_request.
        lane = self._lane
        context = self._request_context
        if lane.session_blocks or appcontext_pushed.receivers:
            await self._hop(context.push)
        else:
            context.push()
        planned = self._plan = lane.plan_for(context)
        where = planned.view_where
        if where is None and planned.view is not None:
            where = where_of_view(planned.view, context.request.method)
        if where is Where.THREAD and not planned.has_awaits:
            # Nothing to await but by chance: one hop for all of it, and Flask's own code.
            whole: Response = await self._hop(self._app.full_dispatch_request)
            return whole
        note_first_request(self._app)
        try:
            if request_started.receivers:
                await self._signal(request_started)
            returned = None
            if planned.values or planned.before:
                returned = await self._preprocess(planned)
            if returned is None:
                returned = await self._view(planned, where, context.request)
        except Exception as error:  # noqa: BLE001 - as Flask does
            returned = await self._handle_user_exception(error)
        return await self._finalize(returned)

    def _view(self, planned: Plan, where: Where | None, request: Request) -> Awaitable[Any]:
        # Flask.dispatch_request, which itself answers the requests that no view answers.
        automatic = request.method == "OPTIONS" and getattr(request.url_rule, "provide_automatic_options", False)
        if planned.view is None or where is None or request.routing_exception is not None or automatic:
            return _at_once(self._app.dispatch_request)
        if where is Where.AWAIT:
            awaitable: Awaitable[Any] = planned.view(**(request.view_args or {}))
            return awaitable
        return self._call(where, planned.view, **(request.view_args or {}))

    async def _preprocess(self, planned: Plan) -> Any:
        # Flask.preprocess_request.
        request = self._request_context.request
        for stretch in planned.values:
            await self._each(stretch, request.endpoint, request.view_args)
        for stretch in planned.before:
            if stretch.where is Where.INLINE:
                returned = _until_answered(stretch.functions)
            elif stretch.where is Where.AWAIT:
                returned = await stretch.functions[0]()
            else:
                returned = await self._hop(_until_answered, stretch.functions)
            if returned is not None:
                return returned
        return None

    async def _finalize(self, returned: Any, *, from_error_handler: bool = False) -> Response:
        # Flask.finalize_request.
        at_once = type(returned) is dict or isinstance(returned, Response)
        response = self._app.make_response(returned) if at_once else await self._make_response(returned)
        try:
            response = await self._process(response)
            if request_finished.receivers:
                await self._signal(request_finished, response=response)
        except Exception:
            if not from_error_handler:
                raise
            self._app.logger.exception("Request finalizing failed with an error while handling an error")
        return response

    async def _make_response(self, returned: Any) -> Response:
        # Flask.make_response, which takes no async iterator, and would run a WSGI callable here.
        app = self._app
        body = returned[0] if isinstance(returned, tuple) and returned else returned
        if isinstance(body, AsyncIterator):
            response = app.response_class(body)  # type: ignore[arg-type]  # sent by send_parts_async
            return app.make_response((response, *returned[1:]) if isinstance(returned, tuple) else response)
        if callable(body) and not isinstance(body, WerkzeugResponse | HTTPException):
            made: Response = await self._hop(app.make_response, returned)
            return made
        return app.make_response(returned)

    async def _process(self, response: Response) -> Response:
        # Flask.process_response.
        context = self._request_context
        for function in after_this_request_functions(context):
            response = await self._call(where_of(function), function, response)
        # A request whose push failed has no plan yet: its session could not be opened.
        planned = self._plan or self._lane.plan_for(context)
        for stretch in planned.after:
            if stretch.where is Where.INLINE:
                response = _through(stretch.functions, response)
            elif stretch.where is Where.AWAIT:
                response = await stretch.functions[0](response)
            else:
                response = await self._hop(_through, stretch.functions, response)
        session = session_of(context)
        interface = self._app.session_interface
        if not interface.is_null_session(session):
            if self._lane.session_blocks:
                await self._hop(interface.save_session, self._app, session, response)
            else:
                interface.save_session(self._app, session, response)  # type: ignore[arg-type]  # not null
        return response

    async def _handle_user_exception(self, error: Exception) -> Any:
        # Flask.handle_user_exception and Flask.handle_http_exception.
        app = self._app
        if isinstance(error, BadRequestKeyError) and (app.debug or app.config["TRAP_BAD_REQUEST_ERRORS"]):
            error.show_exception = True
        as_response = isinstance(error, HTTPException) and not app.trap_http_exception(error)
        if as_response and (error.code is None or isinstance(error, RoutingException)):  # type: ignore[attr-defined]
            return error
        handler = error_handler(app, error, self._request_context.request.blueprints)
        if handler is not None:
            return await self._call(where_of(handler), handler, error)
        if as_response:
            return error
        raise error

    async def _handle_exception(self, error: Exception) -> Response:
        # Flask.handle_exception.
        app = self._app
        if got_request_exception.receivers:
            await self._signal(got_request_exception, exception=error)
        propagate = app.config["PROPAGATE_EXCEPTIONS"]
        if propagate or (propagate is None and (app.testing or app.debug)):
            raise error
        app.log_exception((type(error), error, error.__traceback__))  # type: ignore[arg-type]  # raised: it has one
        server_error = InternalServerError(original_exception=error)
        handler = error_handler(app, server_error, self._request_context.request.blueprints)
        answer: Any = server_error
        if handler is not None:
            answer = await self._call(where_of(handler), handler, server_error)
        return await self._finalize(answer, from_error_handler=True)

    async def _pop(self, error: BaseException | None, disconnect: Disconnect) -> None:
        # RequestContext.pop and AppContext.pop.
        lane = self._lane
        context = self._request_context
        planned = self._plan
        if planned is None or is_pushed_again(context):
            # The push failed, if it began, and Flask knows how much is bound; or a stream's end will be the request's.
            if not (isinstance(error, CancelledError) and is_unbound(context)):
                disconnect.pause()
                await self._hop(context.pop, error)
            return
        told = request_tearing_down.receivers or appcontext_tearing_down.receivers or appcontext_popped.receivers
        if not (planned.tears_down or told):
            if not lane.closes_files_only or "files" in vars(context.request):
                context.request.close()
            app_context = unbind_request(context)
            if app_context is not None:
                unbind_app(app_context)
        elif planned.teardown_has_awaits:
            disconnect.pause()
            await self._pop_awaiting(planned, error)
        else:
            disconnect.pause()
            await self._hop(context.pop, error)

    async def _pop_awaiting(self, planned: Plan, error: BaseException | None) -> None:
        context = self._request_context
        app_context = None
        try:
            for stretch in planned.teardown_request:
                await self._each(stretch, error)
            await self._signal(request_tearing_down, exc=error)
            context.request.close()
        finally:
            app_context = unbind_request(context)
            if app_context is not None:
                try:
                    for stretch in planned.teardown_app:
                        await self._each(stretch, error)
                    await self._signal(appcontext_tearing_down, exc=error)
                finally:
                    unbind_app(app_context)
                # Here, for it is sent even when a function of the request's teardown failed.
                await self._signal(appcontext_popped)

    async def _each(self, stretch: Stretch, *arguments: Any) -> None:
        for function in stretch.functions:
            await self._call(stretch.where, function, *arguments)

    async def _call(self, where: Where, function: Function, *arguments: Any, **named: Any) -> Any:
        if where is Where.THREAD:
            return await self._hop(_named(function, named) if named else function, *arguments)
        returned = function(*arguments, **named)
        return await returned if where is Where.AWAIT else returned

    def _hop(self, function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        error = sys.exception()
        if error is not None:
            function = _while_handling(error, function)
        return Outside(self._lane.workers.run(self._context, function, *arguments))

    async def _signal(self, signal: Signal, **told: Any) -> None:
        def hopping(receiver: Function) -> Callable[..., Coroutine[Any, Any, Any]]:
            async def hop(sender: Any, **named: Any) -> Any:
                return await self._hop(_named(receiver, named), sender)

            return hop

        await signal.send_async(self._app, _sync_wrapper=hopping, **told)


async def _at_once(function: Callable[[], Any]) -> Any:
    return function()


def _until_answered(functions: tuple[Function, ...]) -> Any:
    for function in functions:
        returned = function()
        if returned is not None:
            return returned
    return None


def _through(functions: tuple[Function, ...], response: Response) -> Response:
    for function in functions:
        response = function(response)
    return response


def _while_handling(error: BaseException, function: Function) -> Function:
    # A thread knows nothing of the "except" that it is called from, where error handlers log what they handle.
    def call(*arguments: Any) -> Any:
        traceback = error.__traceback__
        try:
            raise error  # noqa: TRY301 - to be inside an "except" is the whole of it
        except BaseException:  # noqa: BLE001 - as above
            error.__traceback__ = traceback
            return function(*arguments)

    return call


def _named(function: Function, named: dict[str, Any]) -> Function:
    return lambda *arguments: function(*arguments, **named)


def _keeps_session_in_cookie(app: Flask) -> bool:
    # Reading and writing a cookie computes a little; any other session may ask a database.
    kind = type(app.session_interface)
    own = SecureCookieSessionInterface
    return kind.open_session is own.open_session and kind.save_session is own.save_session
