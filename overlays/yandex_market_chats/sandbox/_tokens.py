"""The tokens that the sandbox knows: fake tokens in the vendor's format, valid nowhere else."""

from collections.abc import Mapping
from typing import NoReturn

from yandex_market_chats.sandbox._replies import RefusedError, error

API_KEY = "ACMA:FakeKeyOfTheSandboxThatWorks000000000000:00000000"
REVOKED_API_KEY = "ACMA:FakeKeyOfTheSandboxThatIsRevoked00000000:00000001"
API_KEY_WITHOUT_ACCESS = "ACMA:FakeKeyOfTheSandboxWithoutTheAccess00000:00000002"
OAUTH = "y0_FakeOAuthTokenOfTheSandboxThatWorks"

TOKENS: Mapping[str, str] = {
    API_KEY: "Api-Key that works, unless the sandbox has another token.",
    REVOKED_API_KEY: "Api-Key that is revoked: 401.",
    API_KEY_WITHOUT_ACCESS: "Api-Key without the access to chats: 403.",
    OAUTH: "OAuth token that works.",
}
"""What each token results in. Any other token is invalid: 401.

A callable that returns the revoked token first and the valid one afterwards reproduces a rotation."""


def check_credentials(headers: Mapping[str, str], api_key: str) -> None:
    """Check the credentials of a request, with the messages of the vendor's page "Authorization".

    Args:
        headers: The headers of the request, with case-insensitive names.
        api_key: The valid Api-Key token.

    Raises:
        RefusedError: With 401 if they are missing or invalid, with 403 if they lack the access.
    """
    token = headers.get("Api-Key")
    if token is not None:
        _check_api_key(token, api_key)
        return
    scheme, _, oauth = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        _refuse("Credentials are not specified")
    if oauth != OAUTH:
        _refuse("OAuth token is invalid")


def _check_api_key(token: str, valid: str) -> None:
    if token == valid:
        return
    if token == API_KEY_WITHOUT_ACCESS:
        message = "Token does not have any of the scopes to access the API method"
        raise RefusedError(error(403, "FORBIDDEN", message))
    if token == REVOKED_API_KEY:
        _refuse("Api-Key token is revoked")
    if token.startswith("Bearer "):
        _refuse("Api-Key token prefix invalid")
    _refuse("Api-Key token is invalid")


def _refuse(message: str) -> NoReturn:
    raise RefusedError(error(401, "UNAUTHORIZED", message))
