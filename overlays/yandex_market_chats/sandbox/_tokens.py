"""The tokens that the sandbox knows: fake tokens in the vendor's format, valid nowhere else."""

from collections.abc import Mapping

from ._wire import refusal

API_KEY = "ACMA:FakeKeyOfTheSandboxThatWorks000000000000:00000000"
REVOKED_API_KEY = "ACMA:FakeKeyOfTheSandboxThatIsRevoked00000000:00000001"
API_KEY_WITHOUT_ACCESS = "ACMA:FakeKeyOfTheSandboxWithoutTheAccess00000:00000002"
OAUTH = "y0_FakeOAuthTokenOfTheSandboxThatWorks"
EXPIRED_OAUTH = "y0_FakeOAuthTokenOfTheSandboxThatHasExpired"

TOKENS: Mapping[str, str] = {
    API_KEY: "Api-Key that works, unless the sandbox has another token.",
    REVOKED_API_KEY: "Api-Key that is revoked: 401.",
    API_KEY_WITHOUT_ACCESS: "Api-Key without access to chats: 403.",
    OAUTH: "OAuth token that works.",
    EXPIRED_OAUTH: "OAuth token that has expired: 403.",
}
"""What each token results in. Any other token is invalid: 401 for an Api-Key, 403 for an OAuth token.

A callable that returns the revoked or expired token first and then the valid one reproduces a rotation."""


def check_credentials(headers: Mapping[str, str], api_key: str) -> None:
    """Check the credentials of a request, with the messages of the vendor's page "Authorization".

    Args:
        headers: The headers of the request, with case-insensitive names.
        api_key: The valid Api-Key token.

    Raises:
        RefusedError: With 401 or 403 if the credentials are missing or invalid, or lack the scope.
    """
    token = headers.get("Api-Key")
    if token is not None:
        _check_api_key(token, api_key)
        return
    scheme, _, oauth = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise refusal(401, "Credentials are not specified")
    if oauth != OAUTH:
        # The vendor's page "Types of errors" lists this one under 403.
        raise refusal(403, "OAuth token is invalid")


def _check_api_key(token: str, valid: str) -> None:
    if token == valid:
        return
    if token == API_KEY_WITHOUT_ACCESS:
        raise refusal(403, "Token does not have any of the scopes to access the API method")
    if token == REVOKED_API_KEY:
        raise refusal(401, "Api-Key token is revoked")
    if token.startswith("Bearer "):
        raise refusal(401, "Api-Key token prefix invalid")
    raise refusal(401, "Api-Key token is invalid")
