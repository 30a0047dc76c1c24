"""The answer of the API to a message that it accepted, as the vendor documents it."""

BODY = b'{"status": "OK"}'
HEADERS = {
    "Content-Type": "application/json",
    "Content-Length": str(len(BODY)),
    "Date": "Sun, 22 Nov 2026 12:00:00 GMT",
    "X-RateLimit-Resource-Limit": "1000",
    "X-RateLimit-Resource-Remaining": "999",
    "X-RateLimit-Resource-Until": "Sun, 22 Nov 2026 13:00:00 GMT",
}
