"""What the drivers in Python share: the order of the steps, and the person at the sign-in page."""

import asyncio
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

# Calls at once, as a host makes them in one turn of a model.
PARALLEL = 20
# Windows of one person that are opened at the same moment.
WINDOWS = 5
# Longest step.
STEP_SECONDS = 60
# Longest text of an error that is passed on. Unit: characters.
DETAIL = 300

task = json.loads(sys.stdin.read())


def message_of(error):
    """One line of text; of a group, its first member, because that is what the client met."""
    inner = getattr(error, "exceptions", None)
    if inner:
        return f"{type(error).__name__} of {message_of(inner[0])}"[:DETAIL]
    return " ".join(f"{type(error).__name__}: {error}".split())[:DETAIL]


async def run_steps(steps):
    """Takes the steps of the task one after another and says how each ended."""
    for step in task["steps"]:
        try:
            detail = await asyncio.wait_for(steps[step](), STEP_SECONDS)
            outcome = {"step": step, "ok": True, "detail": detail or ""}
        # A client ends with groups and with cancellations too; each is the outcome of its step.
        except BaseException as error:
            outcome = {"step": step, "ok": False, "detail": message_of(error)}
        print(json.dumps(outcome), flush=True)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def _location(url, person):
    hinted = f"{url}&{urllib.parse.urlencode({'login_hint': person})}"
    try:
        with urllib.request.build_opener(_Stay).open(hinted, timeout=30) as answer:
            raise RuntimeError(f"the sign-in page answered {answer.status}")
    except urllib.error.HTTPError as answer:
        location = answer.headers.get("location")
        if location is None:
            raise RuntimeError(f"the sign-in page answered {answer.code}") from None
        return location


async def approve(url, person):
    """The person: opens the address, consents. Returns the address to which the browser would go."""
    location = await asyncio.to_thread(_location, url, person)
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)
    if "error" in query:
        raise RuntimeError(f"the sign-in page said {query['error'][0]}")
    return location


def _get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


async def get(url):
    """Text of a page."""
    return await asyncio.to_thread(_get, url)


def tool_call(module, tool, params):
    """Name and arguments of a call of a module's tool, as this gateway presents tools."""
    if task["presentation"] == "native":
        return f"{module}__{tool}", params
    return "call", {"module": module, "tool": tool, "params": params}


NOW = tool_call("time", "now", {})


def issues(kind):
    """A call that takes as long as `kind` says (slow-github.ts)."""
    return tool_call("github", "list_issues", {"owner": "clients", "repo": f"{kind}-{task['id']}"})


def check(result):
    """Raises when the tool refused."""
    failed = getattr(result, "isError", getattr(result, "is_error", False))
    if failed:
        raise RuntimeError(f"the tool said: {result.content[0].text}")


async def all_of(count, run):
    """Runs it so many times at once; every one is awaited before the first error is raised."""
    results = await asyncio.gather(*(run() for _ in range(count)), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def cancel(call):
    """Begins a call that never ends and cancels it once the tool runs. Returns what became of the tool."""
    hanging = asyncio.create_task(call(issues("hang")))
    await get(f"{task['slowGithub']}/asked/hang-{task['id']}")
    hanging.cancel()
    try:
        await hanging
        raise RuntimeError("the call was not cancelled")
    except asyncio.CancelledError:
        pass
    check(await call(NOW))
    gone = await get(f"{task['slowGithub']}/gone/hang-{task['id']}")
    return "stopped" if gone == "true" else "ran on"
