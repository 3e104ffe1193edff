"""Drives one version of fastmcp's client, with its own sign-in: a browser is opened, and a server of its own waits for the answer."""

import asyncio
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import warnings
import webbrowser
from contextlib import asynccontextmanager

from fastmcp import Client
from fastmcp.client.auth import OAuth
from steps import NOW, PARALLEL, WINDOWS, all_of, approve, cancel, check, issues, run_steps, task

# The store of this run is in memory on purpose.
warnings.simplefilter("ignore")
try:
    from key_value.aio.stores.memory import MemoryStore
except ImportError:
    from fastmcp.client.auth.oauth import MemoryStore


class Person:
    """Signs in at the page that fastmcp opens."""

    def __init__(self, name):
        self.name = name
        self.store = MemoryStore()


people = {}


def browse(url):
    """In place of a browser: consents, then goes back to the client, whose server may not listen yet."""
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query).get("redirect_uri", [""])[0]
    threading.Thread(target=lambda: asyncio.run(_browse(url, people[state])), daemon=True).start()
    return True


async def _browse(url, person):
    location = await approve(url, person)
    for _ in range(200):
        try:
            with urllib.request.urlopen(location, timeout=30):
                return
        except urllib.error.URLError:
            time.sleep(0.05)


webbrowser.open = browse


def client_of(person):
    """A client of one window, which shares what its person's others have stored."""
    auth = OAuth(mcp_url=task["url"], token_storage=person.store)
    people[f"http://localhost:{auth.redirect_port}/callback"] = person.name
    return Client(task["url"], auth=auth)


@asynccontextmanager
async def window_of(person):
    """A client that knows its tools: a host lists before it calls."""
    async with client_of(person) as client:
        await client.list_tools()
        yield client


async def call(client, what):
    check(await client.call_tool_mcp(*what))


async def main():
    person = Person(task["person"])

    async def sign_in():
        async with client_of(person):
            return None

    async def list_tools():
        async with client_of(person) as client:
            return " ".join(tool.name for tool in await client.list_tools())

    async def parallel():
        async with window_of(person) as client:
            await all_of(PARALLEL, lambda: call(client, NOW))

    async def slow():
        async with window_of(person) as client:
            await call(client, issues("slow"))

    async def cancelled():
        async with window_of(person) as client:
            return await cancel(lambda what: client.call_tool_mcp(*what))

    async def window():
        async with window_of(person) as client:
            await call(client, NOW)

    async def refresh():
        hasty = Person(task["hastyPerson"])
        async with window_of(hasty) as client:
            await call(client, NOW)
            await asyncio.sleep(task["secondsLeft"] + 1)
            await call(client, NOW)

    await run_steps(
        {
            "signIn": sign_in,
            "list": list_tools,
            "parallel": parallel,
            "slow": slow,
            "cancel": cancelled,
            "windows": lambda: all_of(WINDOWS, window),
            "refresh": refresh,
        }
    )


asyncio.run(main())
