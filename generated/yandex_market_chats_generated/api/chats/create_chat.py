from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.api_error_response import ApiErrorResponse
from ...models.create_chat_request import CreateChatRequest
from ...models.create_chat_response import CreateChatResponse
from ...models.created_chat import CreatedChat
from ...types import Response, Unset


def _get_kwargs(
    business_id: int,
    *,
    body: CreateChatRequest,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v2/businesses/{business_id}/chats/new".format(
            business_id=quote(str(business_id), safe=""),
        ),
        "extensions": {"repeatable": True},
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ApiErrorResponse | CreateChatResponse | None:
    if response.status_code == 200:
        response_200 = CreateChatResponse.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = ApiErrorResponse.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ApiErrorResponse.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ApiErrorResponse.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = ApiErrorResponse.from_dict(response.json())

        return response_404

    if response.status_code == 420:
        response_420 = ApiErrorResponse.from_dict(response.json())

        return response_420

    if response.status_code == 500:
        response_500 = ApiErrorResponse.from_dict(response.json())

        return response_500

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _parse_result(response: httpx.Response) -> CreatedChat | Unset:
    return CreateChatResponse.from_dict(response.json()).result


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ApiErrorResponse | CreateChatResponse]:
    try:
        parsed = _parse_response(client=client, response=response)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        parsed = None
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=parsed,
    )


def sync_detailed(
    business_id: int,
    *,
    client: AuthenticatedClient | Client,
    body: CreateChatRequest,
) -> Response[ApiErrorResponse | CreateChatResponse]:
    """Find or create a chat

     Returns the id of the chat about an order or a return, and creates the chat if it does not exist
    yet.
    A chat about an order can be created for all fulfilment models, a chat about a return for FBY, FBS
    and
    Express. No one answers in the chat of a test order.

    Repeating this operation is safe: it returns the same chat.

    An Api-Key token needs one of the scopes `communication` or `all-methods`.

    Limits: 1,000 requests per hour, and 4 parallel requests per business for all operations
    together. A request over either limit is answered with 420.

    Args:
        business_id (int): The id of the business. `GET v2/campaigns` returns it.
        body (CreateChatRequest): The order or return to talk about.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ApiErrorResponse | CreateChatResponse]
    """

    kwargs = _get_kwargs(
        business_id=business_id,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    business_id: int,
    *,
    client: AuthenticatedClient | Client,
    body: CreateChatRequest,
) -> ApiErrorResponse | CreateChatResponse | None:
    """Find or create a chat

     Returns the id of the chat about an order or a return, and creates the chat if it does not exist
    yet.
    A chat about an order can be created for all fulfilment models, a chat about a return for FBY, FBS
    and
    Express. No one answers in the chat of a test order.

    Repeating this operation is safe: it returns the same chat.

    An Api-Key token needs one of the scopes `communication` or `all-methods`.

    Limits: 1,000 requests per hour, and 4 parallel requests per business for all operations
    together. A request over either limit is answered with 420.

    Args:
        business_id (int): The id of the business. `GET v2/campaigns` returns it.
        body (CreateChatRequest): The order or return to talk about.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ApiErrorResponse | CreateChatResponse
    """

    return sync_detailed(
        business_id=business_id,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    business_id: int,
    *,
    client: AuthenticatedClient | Client,
    body: CreateChatRequest,
) -> Response[ApiErrorResponse | CreateChatResponse]:
    """Find or create a chat

     Returns the id of the chat about an order or a return, and creates the chat if it does not exist
    yet.
    A chat about an order can be created for all fulfilment models, a chat about a return for FBY, FBS
    and
    Express. No one answers in the chat of a test order.

    Repeating this operation is safe: it returns the same chat.

    An Api-Key token needs one of the scopes `communication` or `all-methods`.

    Limits: 1,000 requests per hour, and 4 parallel requests per business for all operations
    together. A request over either limit is answered with 420.

    Args:
        business_id (int): The id of the business. `GET v2/campaigns` returns it.
        body (CreateChatRequest): The order or return to talk about.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ApiErrorResponse | CreateChatResponse]
    """

    kwargs = _get_kwargs(
        business_id=business_id,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    business_id: int,
    *,
    client: AuthenticatedClient | Client,
    body: CreateChatRequest,
) -> ApiErrorResponse | CreateChatResponse | None:
    """Find or create a chat

     Returns the id of the chat about an order or a return, and creates the chat if it does not exist
    yet.
    A chat about an order can be created for all fulfilment models, a chat about a return for FBY, FBS
    and
    Express. No one answers in the chat of a test order.

    Repeating this operation is safe: it returns the same chat.

    An Api-Key token needs one of the scopes `communication` or `all-methods`.

    Limits: 1,000 requests per hour, and 4 parallel requests per business for all operations
    together. A request over either limit is answered with 420.

    Args:
        business_id (int): The id of the business. `GET v2/campaigns` returns it.
        body (CreateChatRequest): The order or return to talk about.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ApiErrorResponse | CreateChatResponse
    """

    return (
        await asyncio_detailed(
            business_id=business_id,
            client=client,
            body=body,
        )
    ).parsed
