"""The HTTP side of the sandbox: aiohttp on loopback, in its own thread."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from ssl import SSLContext

from aiohttp import web

from ._bodies import MAX_BODY
from ._business import Business
from ._wire import Call, Ending, Request

HOST = "127.0.0.1"

# Seconds that requests in progress have left when the sandbox closes.
_GRACE = 0.1
# SO_LINGER with a timeout of 0: closing such a socket resets the connection (socket(7)).
_NO_LINGER = struct.pack("ii", 1, 0)


@contextmanager
def serving(business: Business, port: int, ssl_context: SSLContext | None) -> Iterator[int]:
    """Serve a business in the background while the context lasts.

    Args:
        business: The business that answers.
        port: The port to listen on; 0 picks a free one.
        ssl_context: Serve HTTPS with this context; `None` serves HTTP.

    Yields:
        The port in use.

    Raises:
        OSError: The server cannot listen on the port.
    """
    with _loop_in_thread() as loop:
        runner = web.AppRunner(
            _application(business),
            access_log=None,
            auto_decompress=False,
            # A disconnected client releases its slot.
            handler_cancellation=True,
            shutdown_timeout=_GRACE,
        )
        try:
            asyncio.run_coroutine_threadsafe(_start(runner, port, ssl_context), loop).result()
            yield runner.addresses[0][1]
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()


@contextmanager
def _loop_in_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="yandex-market-chats-sandbox", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(runner: web.AppRunner, port: int, ssl_context: SSLContext | None) -> None:
    await runner.setup()
    await web.TCPSite(runner, HOST, port, ssl_context=ssl_context).start()


def _application(business: Business) -> web.Application:
    application = web.Application(client_max_size=MAX_BODY + 1)
    application.router.add_route("*", "/{path:.*}", partial(_handle, business))
    return application


async def _handle(business: Business, request: web.Request) -> web.Response:
    call = Call(
        method=request.method,
        path=request.path,
        query={name: request.query.getall(name) for name in request.query},
        headers=request.headers,
        body=await _read(request),
    )
    # The slot is released before the answer leaves: a client that has its answer may send again at once.
    with business.slot():
        reply = business.answer(call)
        if business.settings.on_request:
            status = reply.status if reply.ending is Ending.ANSWERED else None
            business.settings.on_request(Request(request.method, request.path_qs, status))
        await asyncio.sleep(business.delay(reply))
    if reply.ending is Ending.RESET:
        request.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    if reply.ending is not Ending.ANSWERED:
        request.protocol.force_close()
    response = web.Response(status=reply.status, body=reply.body.encode(), headers=reply.headers)
    # The vendor does not support keep-alive.
    response.force_close()
    return response


async def _read(request: web.Request) -> bytes | None:
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return None
    # Before 3.14, aiohttp refused a body of exactly its limit, so its limit is one byte more.
    return body if len(body) <= MAX_BODY else None
