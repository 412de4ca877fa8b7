"""Run a request through Flask on the event loop: the steps of ``Flask.wsgi_app``, in its order, with awaits between.

Each method names the Flask method whose order it follows. Steps that do not call the app's functions are done by Flask
itself; for the app's functions, the plan says where each runs. A ``def`` function moves the request to its thread,
where it stays until something must be awaited: consecutive ``def`` functions are one trip.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from blinker import Signal
from flask import Response
from flask.ctx import RequestContext
from flask.sessions import SecureCookieSessionInterface
from flask.signals import (
    appcontext_popped,
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

from .body import SPOOL_BYTES, ClientGoneError, RequestBody
from .flask_internals import (
    after_this_request_functions,
    error_handler,
    is_pushed_again,
    is_unbound,
    note_first_request,
    session_of,
    unbind_app,
    unbind_request,
)
from .in_context import Disconnect
from .lease import Lease, NoThreadError
from .messages import Send
from .plan import (
    Function,
    Plan,
    Planned,
    StoppedError,
    Where,
    raised_by_function,
    where_of,
    where_of_view,
)
from .reply import Reply, is_plain, reply_or_error, start_of, streams_async
from .streams import Parts, parts_of, parts_of_call, send_parts, send_parts_async

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .loop_lane import LoopLane


class Passage:
    """One request's way through Flask.

    Args:
        lane: The app's lane.
        lease: The request's lease.
        environ: The request's environ.
    """

    __slots__ = (
        "_app", "_body", "_disconnect", "_environ", "_is_given_up", "_lane", "_lease", "_plan", "_request_context"
    )  # fmt: skip

    def __init__(self, lane: LoopLane, lease: Lease, environ: WSGIEnvironment) -> None:
        self._lane = lane
        self._app = lane.app
        self._lease = lease
        self._environ = environ
        self._body = lease.body
        app = lane.app
        # As Flask.request_context does; only the URL adapter is created elsewhere.
        request = app.request_class(environ)
        request.json_module = app.json
        self._request_context = RequestContext(lane.adapters, environ, request)
        self._request_context.app = app
        self._plan: Plan | None = None
        self._disconnect: Disconnect | None = None
        self._is_given_up = False

    async def run(self, send: Send, disconnect: Disconnect) -> Reply | None:
        """Answer, as ``Flask.wsgi_app`` does.

        Args:
            send: The server's ``send``; used only for a streamed response.
            disconnect: Cancels this, but not teardown, which runs to its end even if the client has disconnected.
        Returns:
            The response to send; ``None`` if it was streamed.
        Raises:
            NoThreadError: There was no thread, and no function of the app was called.
            Exception: An error that the app propagates to the server, or a teardown function's error.
        """
        error: BaseException | None = None
        answer: Reply | Parts | UnicodeEncodeError | None = None
        self._disconnect = disconnect
        self._lease.enter()
        try:
            try:
                response = await self._dispatch()
            except Exception as raised:  # noqa: BLE001 - as Flask does
                error = raised_by_function(raised)
                response = await self._handle_exception(error)
            answer = reply_or_error(response, self._environ)
            if answer is None:
                answer = await self._in_parts(response, send, disconnect)
        except NoThreadError:
            self._is_given_up = True
            raise
        except BaseException as raised:
            error = error or raised
            raise
        finally:
            if error is not None and self._app.should_ignore_error(error):
                error = None
            if self._is_given_up or self._is_torn_down_by_nobody():
                self._unbind()
            else:
                await self._pop(error, disconnect)
        if isinstance(answer, Parts):
            await send_parts(answer, send, self._lease, disconnect)
            return None
        if isinstance(answer, UnicodeEncodeError):
            raise answer
        return answer

    async def _in_parts(self, response: Response, send: Send, disconnect: Disconnect) -> Parts | None:
        environ = self._environ
        if not is_plain(response):
            await self._lease.to_thread()
            return parts_of_call(response, environ)
        start = start_of(response, environ)
        if not streams_async(response):
            return parts_of(response, environ, start)
        # Its generator can use the request to its end.
        await send_parts_async(response, start, send, self._lease, disconnect)
        return None

    async def _dispatch(self) -> Response:
        # RequestContext.push, then Flask.full_dispatch_request.
        lane = self._lane
        context = self._request_context
        if lane.blocks_at_push():
            await self._lease.to_thread()
        context.push()
        planned = self._plan = lane.plan_for(context.request)
        if self._body is not None and context.request.routing_exception is None:
            await self._begin_body(self._body)
        note_first_request(self._app)
        try:
            if request_started.receivers:
                await self._signal(request_started)
            returned = None
            if planned.values or planned.before:
                returned = await self._preprocess(planned)
            if returned is None:
                returned = await self._view(planned)
        except Exception as error:  # noqa: BLE001 - as Flask does
            returned = await self._handle_user_exception(raised_by_function(error))
        return await self._finalize(returned)

    async def _begin_body(self, body: RequestBody) -> None:
        # A short body is read before any function is called, so that a slow client does not hold a thread.
        if not body.is_whole:
            await self._lease.to_loop()
            self._is_given_up = not self._lease.has_begun
            await self._take_in(body, SPOOL_BYTES)
            self._is_given_up = False
        whole = body.whole()
        if whole is not None:
            self._environ["wsgi.input"] = whole

    async def _take_in(self, body: RequestBody, most_bytes: int | None = None) -> None:
        try:
            await body.take_in(most_bytes=most_bytes)
        except ClientGoneError:
            if self._disconnect is not None:
                self._disconnect.seen = True
            raise CancelledError from None

    def _view(self, planned: Plan) -> Awaitable[Any]:
        # As Flask.dispatch_request, which itself answers requests that have no view.
        request = self._request_context.request
        rule = request.url_rule
        # A hook may have replaced it.
        view = None if rule is None else self._app.view_functions.get(rule.endpoint)
        if (
            view is None
            or request.routing_exception is not None
            or (request.method == "OPTIONS" and getattr(rule, "provide_automatic_options", False))
        ):
            return _at_once(self._app.dispatch_request)
        where = (planned.view_where if view is planned.view else None) or where_of_view(view, request.method)
        if where is Where.AWAIT and self._body is None and not self._lease.is_on_thread:
            self._lease.has_begun = True
            awaitable: Any = view(**(request.view_args or {}))
            return awaitable  # type: ignore[no-any-return]  # of an async def
        return self._call(where, view, **(request.view_args or {}))

    async def _preprocess(self, planned: Plan) -> Any:
        # Flask.preprocess_request.
        request = self._request_context.request
        for where, function in planned.values:
            await self._call(where, function, request.endpoint, request.view_args)
        for where, function in planned.before:
            if where is Where.INLINE and self._body is None:
                self._lease.has_begun = True
                returned = function()
            else:
                returned = await self._call(where, function)
            if returned is not None:
                return returned
        return None

    async def _finalize(self, returned: Any, *, from_error_handler: bool = False) -> Response:
        # Flask.finalize_request, and in it Flask.process_response.
        if isinstance(returned, Response):
            response = self._app.make_response(returned)
        elif type(returned) is dict:
            # As Flask.make_response does after checking all other types.
            response = self._app.json.response(returned)  # type: ignore[assignment]  # of the app's class
        else:
            response = await self._make_response(returned)
        try:
            context = self._request_context
            for function in after_this_request_functions(context):
                response = await self._call(where_of(function), function, response)
            # A request whose push failed, because its session could not be opened, has no plan yet.
            planned = self._plan or self._lane.plan_for(context.request)
            for where, function in planned.after:
                if where is Where.INLINE and self._body is None:
                    self._lease.has_begun = True
                    response = function(response)
                else:
                    response = await self._call(where, function, response)
            if type(self._app.session_interface) is not SecureCookieSessionInterface:
                await self._lease.to_thread()
            self._save_session(response)
            if request_finished.receivers:
                await self._signal(request_finished, response=response)
        except Exception:
            if not from_error_handler:
                raise
            self._app.logger.exception("Request finalizing failed with an error while handling an error")
        return response

    def _save_session(self, response: Response) -> None:
        interface, session = self._app.session_interface, session_of(self._request_context)
        if not interface.is_null_session(session):
            interface.save_session(self._app, session, response)  # type: ignore[arg-type]  # not null

    async def _make_response(self, returned: Any) -> Response:
        # As Flask.make_response, which accepts no async iterator, and would run a WSGI callable here.
        app = self._app
        body = returned[0] if isinstance(returned, tuple) and returned else returned
        if isinstance(body, AsyncIterator):
            response = app.response_class(body)  # type: ignore[arg-type]  # sent by send_parts_async
            return app.make_response((response, *returned[1:]) if isinstance(returned, tuple) else response)
        if callable(body) and not isinstance(body, WerkzeugResponse | HTTPException):
            await self._lease.to_thread()
        return app.make_response(returned)

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
        raise StoppedError(error) if isinstance(error, StopIteration) else error

    async def _handle_exception(self, error: Exception) -> Response:
        # Flask.handle_exception.
        app = self._app
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
        context = self._request_context
        planned = self._plan
        disconnect.is_paused = True
        # The body is no longer read, and teardown must not wait for it.
        self._body = None
        if planned is None or is_pushed_again(context):
            # Either the push failed, and Flask knows what is bound, or the end of a stream will end the request.
            if not (isinstance(error, CancelledError) and is_unbound(context)):
                await self._lease.to_thread()
                context.pop(error)
            return
        app_context = None
        try:
            await self._tear_down(planned.teardown_request, error)
            if request_tearing_down.receivers:
                await self._signal(request_tearing_down, exc=error)
            if type(context.request).close is not WerkzeugRequest.close:
                await self._lease.to_thread()
            context.request.close()
        finally:
            app_context = unbind_request(context)
            if app_context is not None:
                try:
                    await self._tear_down(planned.teardown_app, error)
                    if appcontext_tearing_down.receivers:
                        await self._signal(appcontext_tearing_down, exc=error)
                finally:
                    unbind_app(app_context)
                # In "finally", because it is sent even if a teardown function of the request failed.
                if appcontext_popped.receivers:
                    await self._signal(appcontext_popped)

    async def _tear_down(self, functions: Planned, error: BaseException | None) -> None:
        cancelled: CancelledError | None = None
        for where, function in functions:
            try:
                await self._call(where, function, error)
            except CancelledError as raised:
                # The server cancelled this; the other functions must still close their resources.
                cancelled = raised
        if cancelled is not None:
            raise cancelled

    def _is_torn_down_by_nobody(self) -> bool:
        planned = self._plan
        return not (
            planned is None
            or planned.tears_down
            or is_pushed_again(self._request_context)
            or request_tearing_down.receivers
            or appcontext_tearing_down.receivers
            or appcontext_popped.receivers
            or "files" in self._request_context.request.__dict__
            or type(self._request_context.request).close is not WerkzeugRequest.close
        )

    def _unbind(self) -> None:
        if not is_unbound(self._request_context):
            app_context = unbind_request(self._request_context)
            if app_context is not None:
                unbind_app(app_context)

    async def _call(self, where: Where, function: Function, *arguments: Any, **named: Any) -> Any:
        lease = self._lease
        if where is Where.THREAD:
            await lease.to_thread()
        elif where is Where.AWAIT or not lease.is_on_thread:
            lease.has_begun = True
            await lease.to_loop()
            if self._body is not None and not self._body.is_whole:
                # A function on the loop could not wait for it.
                await self._take_in(self._body)
            if where is Where.AWAIT:
                return await function(*arguments, **named)
        try:
            return function(*arguments, **named)
        except StopIteration as error:
            # A StopIteration cannot leave a coroutine.
            raise StoppedError(error) from None

    async def _signal(self, signal: Signal, **told: Any) -> None:
        app = self._app
        if not signal.is_muted:
            for receiver in signal.receivers_for(app):
                await self._call(where_of(receiver), receiver, app, **told)


async def _at_once(function: Callable[[], Any]) -> Any:
    return function()
