"""What a file's address says beside where it is stays in the process: its signature is a key to the file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from velero_volume_controller.velero.client.downloads import Limits, NotFetched, Storage, _fetched

SIGNATURE = "X-Amz-Signature=5ec2e7"


async def _round(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound(request.rel_url)


async def _nowhere(_: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": f"http://:bad?{SIGNATURE}"})


async def _no_http(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: none\r\n\r\n")
    return web.Response()


ANSWERS: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
    "a storage that sends round in a circle": _round,
    "a storage that sends to no address": _nowhere,
    "a storage that does not speak HTTP": _no_http,
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_a_signature_is_in_no_message(answer: Any) -> None:
    app = web.Application()
    app.router.add_get("/file", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        address = f"http://127.0.0.1:{port}/file?{SIGNATURE}"
        with pytest.raises(NotFetched) as caught:
            await _fetched(address, "The file", Storage("default"), Limits())
    finally:
        await runner.cleanup()
    assert f"http://127.0.0.1:{port}, where Velero says that it is, can't be reached" in str(caught.value)
    assert "5ec2e7" not in str(caught.value)


async def test_a_proxy_s_password_is_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=407)

    runner = web.ServerRunner(web.Server(refuse))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://somebody:passw0rd@127.0.0.1:{port}")
        with pytest.raises(NotFetched) as caught:
            await _fetched("https://storage.invalid/file", "The file", Storage("default"), Limits())
    finally:
        await runner.cleanup()
    assert "passw0rd" not in str(caught.value)
