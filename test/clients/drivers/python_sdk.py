"""Drives one version of the Python SDK, 1.x or 2.x, as a host application would. Of its API only what all versions share is used."""

import asyncio
import urllib.parse
from contextlib import AsyncExitStack, asynccontextmanager

from mcp import ClientSession
from mcp.client import streamable_http
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientMetadata, OAuthToken
from steps import NOW, PARALLEL, WINDOWS, all_of, approve, cancel, check, issues, run_steps, task

REDIRECT = "http://127.0.0.1:9/callback"
IS_TWO = not hasattr(streamable_http, "streamablehttp_client")


class Store:
    """What a host keeps of one person; the interface is the SDK's TokenStorage."""

    def __init__(self, person):
        self.person = person
        self.tokens = None
        self.client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


def provider_of(store):
    """The SDK's own sign-in, with a person in place of a browser."""
    back = {}

    async def redirect(url):
        back["location"] = await approve(url, store.person)

    async def callback():
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(back["location"]).query)
        code, state = query["code"][0], query.get("state", [None])[0]
        if not IS_TWO:
            return code, state
        from mcp.shared.auth import AuthorizationCodeResult

        return AuthorizationCodeResult(code=code, state=state)

    metadata = OAuthClientMetadata(
        client_name="mcpist client matrix",
        redirect_uris=[REDIRECT],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        token_endpoint_auth_method="none",
    )
    return OAuthClientProvider(
        server_url=task["url"],
        client_metadata=metadata,
        storage=store,
        redirect_handler=redirect,
        callback_handler=callback,
    )


@asynccontextmanager
async def session_of(store):
    """A connected session of one window."""
    auth = provider_of(store)
    async with AsyncExitStack() as stack:
        if IS_TWO:
            from mcp.client import Client
            from mcp.shared._httpx_utils import create_mcp_http_client

            http = await stack.enter_async_context(create_mcp_http_client(auth=auth))
            transport = streamable_http.streamable_http_client(task["url"], http_client=http)
            yield await stack.enter_async_context(Client(transport, mode=task["era"]))
        else:
            streams = await stack.enter_async_context(streamable_http.streamablehttp_client(task["url"], auth=auth))
            session = await stack.enter_async_context(ClientSession(streams[0], streams[1]))
            await session.initialize()
            yield session


async def window(store):
    async with session_of(store) as session:
        await session.list_tools()
        check(await session.call_tool(*NOW))


async def main():
    store = Store(task["person"])

    async def sign_in():
        async with session_of(store):
            return None

    async def connected(use):
        if store.tokens is None:
            store.tokens = OAuthToken(access_token=task["token"], token_type="Bearer")
        async with session_of(store) as session:
            return await use(session)

    async def list_tools(session):
        return " ".join(tool.name for tool in (await session.list_tools()).tools)

    async def parallel(session):
        async def now():
            check(await session.call_tool(*NOW))

        await all_of(PARALLEL, now)

    async def slow(session):
        check(await session.call_tool(*issues("slow")))

    async def cancelled(session):
        return await cancel(lambda what: session.call_tool(*what))

    async def windows():
        await all_of(WINDOWS, lambda: window(store))

    async def refresh():
        hasty = Store(task["hastyPerson"])
        async with session_of(hasty) as session:
            first = hasty.tokens.access_token
            check(await session.call_tool(*NOW))
            await asyncio.sleep(task["secondsLeft"] + 1)
            check(await session.call_tool(*NOW))
            if hasty.tokens.access_token == first:
                raise RuntimeError("the access token was not renewed")

    await run_steps(
        {
            "signIn": sign_in,
            "list": lambda: connected(list_tools),
            "parallel": lambda: connected(parallel),
            "slow": lambda: connected(slow),
            "cancel": lambda: connected(cancelled),
            "windows": windows,
            "refresh": refresh,
        }
    )


asyncio.run(main())
