"""Send one message, and print its telemetry: metrics of the attempts, and spans of OpenTelemetry.

    pip install opentelemetry-sdk opentelemetry-instrumentation-httpx
    python examples/telemetry.py 42

`on_attempt` records the metrics, without instrumentation. The instrumentation of httpx creates a span for
each attempt. The span would contain the whole URL, whose query names the chat, so a hook removes the query.
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
    """Record the duration of an attempt by its outcome, and what is left of the hourly limit."""
    durations.record(attempt.elapsed, {"outcome": attempt.error or "sent"})
    if attempt.rate_limit and attempt.rate_limit.remaining is not None:
        remaining.set(attempt.rate_limit.remaining)


def cut_query(span: trace.Span, request: RequestInfo) -> None:
    """Remove the query, which names the chat, from the span of an attempt."""
    # The name of the attribute depends on the version and the settings of the instrumentation.
    for attribute in ("http.url", "url.full"):
        if attribute in getattr(span, "attributes", {}):
            span.set_attribute(attribute, str(request.url).partition("?")[0])


# For AsyncMarketChats the hook must be a coroutine function, passed as async_request_hook.
HTTPXClientInstrumentor().instrument(request_hook=cut_query)


def send(chats: MarketChats, chat_id: int, message: str) -> None:
    """Send a message in a span that says whether it was sent."""
    # The text of an error may name the chat too, so the exception is not recorded in the span.
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
