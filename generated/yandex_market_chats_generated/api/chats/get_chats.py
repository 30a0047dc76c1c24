from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.api_error_response import ApiErrorResponse
from ...models.chats_page import ChatsPage
from ...models.get_chats_request import GetChatsRequest
from ...models.get_chats_response import GetChatsResponse
from ...types import UNSET, Response, Unset


def _get_kwargs(
    business_id: int,
    *,
    body: GetChatsRequest,
    page_token: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    params: dict[str, Any] = {}

    params["pageToken"] = page_token

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v2/businesses/{business_id}/chats".format(
            business_id=quote(str(business_id), safe=""),
        ),
        "params": params,
        "extensions": {"repeatable": True},
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ApiErrorResponse | GetChatsResponse | None:
    if response.status_code == 200:
        response_200 = GetChatsResponse.from_dict(response.json())

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


def _parse_result(response: httpx.Response) -> ChatsPage | Unset:
    return GetChatsResponse.from_dict(response.json()).result


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ApiErrorResponse | GetChatsResponse]:
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
    body: GetChatsRequest,
    page_token: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[ApiErrorResponse | GetChatsResponse]:
    """Find chats

     Returns the chats of the business that match the filters, page by page; without filters, all of
    them.
    Filter by the status `WAITING_FOR_PARTNER` to find the chats that wait for the seller's answer.

    This operation only reads: repeating it is safe.

    An Api-Key token needs one of the scopes `communication`, `all-methods` or `all-methods:read-only`.

    Limits: 5,000 requests per hour, and 4 parallel requests per business for all operations
    together. A request over either limit is answered with 420.

    Args:
        business_id (int): The id of the business. `GET v2/campaigns` returns it.
        page_token (str | Unset): The token of the page: `nextPageToken` of the previous page. Use
            the same `limit` for all pages. Without a token, the first page is returned.
        limit (int | Unset): The number of chats per page, at most 20. Without it the server
            returns up to 10.
        body (GetChatsRequest): The filters of a search for chats. The vendor does not document
            how they combine.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ApiErrorResponse | GetChatsResponse]
    """

    kwargs = _get_kwargs(
        business_id=business_id,
        body=body,
        page_token=page_token,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    business_id: int,
    *,
    client: AuthenticatedClient | Client,
    body: GetChatsRequest,
    page_token: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> ApiErrorResponse | GetChatsResponse | None:
    """Find chats

     Returns the chats of the business that match the filters, page by page; without filters, all of
    them.
    Filter by the status `WAITING_FOR_PARTNER` to find the chats that wait for the seller's answer.

    This operation only reads: repeating it is safe.

    An Api-Key token needs one of the scopes `communication`, `all-methods` or `all-methods:read-only`.

    Limits: 5,000 requests per hour, and 4 parallel requests per business for all operations
    together. A request over either limit is answered with 420.

    Args:
        business_id (int): The id of the business. `GET v2/campaigns` returns it.
        page_token (str | Unset): The token of the page: `nextPageToken` of the previous page. Use
            the same `limit` for all pages. Without a token, the first page is returned.
        limit (int | Unset): The number of chats per page, at most 20. Without it the server
            returns up to 10.
        body (GetChatsRequest): The filters of a search for chats. The vendor does not document
            how they combine.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ApiErrorResponse | GetChatsResponse
    """

    return sync_detailed(
        business_id=business_id,
        client=client,
        body=body,
        page_token=page_token,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    business_id: int,
    *,
    client: AuthenticatedClient | Client,
    body: GetChatsRequest,
    page_token: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[ApiErrorResponse | GetChatsResponse]:
    """Find chats

     Returns the chats of the business that match the filters, page by page; without filters, all of
    them.
    Filter by the status `WAITING_FOR_PARTNER` to find the chats that wait for the seller's answer.

    This operation only reads: repeating it is safe.

    An Api-Key token needs one of the scopes `communication`, `all-methods` or `all-methods:read-only`.

    Limits: 5,000 requests per hour, and 4 parallel requests per business for all operations
    together. A request over either limit is answered with 420.

    Args:
        business_id (int): The id of the business. `GET v2/campaigns` returns it.
        page_token (str | Unset): The token of the page: `nextPageToken` of the previous page. Use
            the same `limit` for all pages. Without a token, the first page is returned.
        limit (int | Unset): The number of chats per page, at most 20. Without it the server
            returns up to 10.
        body (GetChatsRequest): The filters of a search for chats. The vendor does not document
            how they combine.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ApiErrorResponse | GetChatsResponse]
    """

    kwargs = _get_kwargs(
        business_id=business_id,
        body=body,
        page_token=page_token,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    business_id: int,
    *,
    client: AuthenticatedClient | Client,
    body: GetChatsRequest,
    page_token: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> ApiErrorResponse | GetChatsResponse | None:
    """Find chats

     Returns the chats of the business that match the filters, page by page; without filters, all of
    them.
    Filter by the status `WAITING_FOR_PARTNER` to find the chats that wait for the seller's answer.

    This operation only reads: repeating it is safe.

    An Api-Key token needs one of the scopes `communication`, `all-methods` or `all-methods:read-only`.

    Limits: 5,000 requests per hour, and 4 parallel requests per business for all operations
    together. A request over either limit is answered with 420.

    Args:
        business_id (int): The id of the business. `GET v2/campaigns` returns it.
        page_token (str | Unset): The token of the page: `nextPageToken` of the previous page. Use
            the same `limit` for all pages. Without a token, the first page is returned.
        limit (int | Unset): The number of chats per page, at most 20. Without it the server
            returns up to 10.
        body (GetChatsRequest): The filters of a search for chats. The vendor does not document
            how they combine.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ApiErrorResponse | GetChatsResponse
    """

    return (
        await asyncio_detailed(
            business_id=business_id,
            client=client,
            body=body,
            page_token=page_token,
            limit=limit,
        )
    ).parsed
