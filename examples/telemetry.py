"""Send one message and print what OpenTelemetry makes of it: metrics of the attempts, and spans.

    pip install opentelemetry-sdk opentelemetry-instrumentation-httpx
    python examples/telemetry.py 42

`on_attempt` feeds the metrics and needs no instrumentation. The instrumentation of httpx makes a span for
every attempt; it would write the whole URL into it, and its query names the chat, so a hook cuts it off.
"""

import sys

from opentelemetry import metrics, trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor, RequestInfo
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from yandex_market_chats import Attempt, MarketChats, MarketError

spans = TracerProvider()
spans.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(spans)
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter())]))

tracer = trace.get_tracer("shop")
meter = metrics.get_meter("shop")
durations = meter.create_histogram("market.attempt.duration", unit="s")
remaining = meter.create_gauge("market.rate_limit.remaining")


def measure(attempt: Attempt) -> None:
    """Count the attempt by its outcome, and see the hourly limit coming."""
    durations.record(attempt.elapsed, {"outcome": attempt.error or "sent"})
    if attempt.rate_limit and attempt.rate_limit.remaining is not None:
        remaining.set(attempt.rate_limit.remaining)


def cut_query(span: trace.Span, request: RequestInfo) -> None:
    """Take the query, which names the chat, out of the span of an attempt."""
    # Its name depends on the version and the settings of the instrumentation.
    for attribute in ("http.url", "url.full"):
        if attribute in getattr(span, "attributes", {}):
            span.set_attribute(attribute, str(request.url).partition("?")[0])


# For AsyncMarketChats the hook is a coroutine function and is given as async_request_hook.
HTTPXClientInstrumentor().instrument(request_hook=cut_query)


def send(chats: MarketChats, chat_id: int, message: str) -> None:
    """Send in a span that says what became of the message."""
    # The words of the API may name the chat too, so those of the exception stay out of the span.
    with tracer.start_as_current_span(
        "send_message", record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            sent = chats.send_message(chat_id=chat_id, message=message)
        except MarketError as error:
            span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            span.set_attributes({"market.attempts": error.attempts, "market.delivery": error.delivery})
            raise
        span.set_attributes({"market.attempts": sent.attempts, "market.delivery": "sent"})


with MarketChats(on_attempt=measure) as chats:
    send(chats, int(sys.argv[1]), "Заказ уже в пути")
