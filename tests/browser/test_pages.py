"""What a real browser makes of it: listed origins speak, others can't, and the docs need nobody else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.async_api import Browser

from tests.served import Served

POST = """async ([url, key, id]) => {
    const body = JSON.stringify({kind: "complaint", text: "The lift is stuck.", submission_id: id});
    try {
        const answer = await fetch(`${url}/v1/feedback?key=${key}`, {method: "POST", body, keepalive: true});
        return [answer.status, await answer.json()];
    } catch (error) { return [0, String(error)]; }
}"""
BEACON = """([url, key, id]) => navigator.sendBeacon(
    `${url}/v1/feedback?key=${key}`, JSON.stringify({kind: "comment", text: "Bye.", submission_id: id}))"""
FIRST, SECOND, THIRD = (f"6f1c1a52-0d5e-4f7b-9c1e-00000000000{number}" for number in (1, 2, 3))


class _Blank(BaseHTTPRequestHandler):
    """A shop's page with nothing on it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>shop</title>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def shop() -> Iterator[str]:
    """Serve a page from an origin of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def tickets(served: Served) -> list[str]:
    with served.client() as client:
        return [ticket["kind"] for ticket in client.get("/v1/tickets").json()["data"]]


async def test_a_page_of_a_listed_origin_speaks_and_another_can_not(browser: Browser, served: Served) -> None:
    with shop() as ours, shop() as theirs, served.client() as client:
        key = client.post("/v1/sites", json={"name": "shop", "origins": [ours]}).json()["public_key"]
        page = await browser.new_page()
        await page.goto(ours)
        first = await page.evaluate(POST, [served.url, key, FIRST])
        again = await page.evaluate(POST, [served.url, key, FIRST])
        await page.evaluate(BEACON, [served.url, key, SECOND])
        await page.goto(theirs)
        foreign = await page.evaluate(POST, [served.url, key, THIRD])
        await page.wait_for_timeout(200)  # a beacon answers nobody, so there is nothing else to wait for
        await page.close()

    assert first[0] == 201
    assert again == first
    assert foreign[0] == 0
    assert sorted(tickets(served)) == ["comment", "complaint"]


async def test_the_docs_show_every_operation_and_ask_nobody_else(browser: Browser, served: Served) -> None:
    page = await browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{served.url}/docs")
    await page.wait_for_selector(".opblock")
    operations = await page.locator(".opblock").count()
    await page.close()

    with served.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert operations == sum(len(methods) for methods in paths.values())
    assert all(url.startswith((served.url, "data:")) for url in asked)
