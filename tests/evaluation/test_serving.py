"""Pages are served to this machine alone, or by a token; strangers' pages get nothing and change nothing."""

import asyncio
import http.client
import os
import signal
import socket
import time

import pytest

from evaluation.guard import Guard
from evaluation.serving import Address, new_app, serve, serving
from zoomlib.errors import InvalidInputError


@pytest.fixture(scope="module")
def app():
    app = new_app("test")
    told = []

    @app.get("/")
    def home() -> str:
        return "here"

    @app.get("/told")
    def all_told() -> int:
        return len(told)

    @app.post("/tell")
    def tell() -> None:
        told.append(1)

    @app.get("/boom")
    def boom() -> None:
        raise RuntimeError("secret")

    return app


@pytest.fixture(scope="module")
def local(app):
    with serving(app) as address:
        yield address


@pytest.fixture(scope="module")
def opened(app):
    with serving(app, host="0.0.0.0") as address:
        yield address


def ask(address, path="/", method="GET", body=None, port=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port or address.port, timeout=20)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def test_a_page_of_this_machine_is_served_with_every_safeguard(local):
    answer, text = ask(local)
    assert (answer.status, text) == (200, '"here"')
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["server"] is None


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_nothing_tells_of_its_own_making(local, path):
    assert ask(local, path)[0].status == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::2]", "[bad"])
def test_another_name_for_this_machine_is_refused(local, host):
    answer, text = ask(local, Host=host)
    assert answer.status == 403
    assert "here" not in text.split("<p>")[0]


@pytest.mark.parametrize("host", ["127.0.0.1:1234", "localhost", "[::1]:99"])
def test_its_own_names_are_taken_with_any_port(local, host):
    assert ask(local, Host=host)[0].status == 200  # the port differs behind a tunnel


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://[bad"},
        {"Origin": "http://evil.example", "Sec_Fetch_Site": "cross-site"},
    ],
    ids=["nothing", "another origin", "no origin", "cross-site", "same site", "no address", "another, said twice"],
)
def test_only_its_own_pages_change_anything(local, headers):
    before = ask(local, "/told")[1]
    assert ask(local, "/tell", "POST", **headers)[0].status == 403
    assert ask(local, "/told")[1] == before
    assert ask(local, "/tell", "POST", Origin=local.url)[0].status == 200
    assert int(ask(local, "/told")[1]) == int(before) + 1


def test_its_pages_change_things_behind_a_proxy_that_asks_by_another_name(local):
    headers = {"Origin": "https://study.example", "Sec_Fetch_Site": "same-origin"}
    assert ask(local, "/tell", "POST", **headers)[0].status == 200


def test_what_is_sent_has_a_length_and_a_limit(local):
    assert ask(local, "/tell", "POST", Origin=local.url, Content_Length=str(2**30))[0].status == 413
    assert ask(local, "/tell", "POST", iter([b"x"]), Origin=local.url, Transfer_Encoding="chunked")[0].status == 411
    for length in ("-1", "1" * 5000):
        assert ask(local, "/tell", "POST", Origin=local.url, Content_Length=length)[0].status in {400, 411}


@pytest.mark.parametrize("told", ["content-length", "transfer-encoding"])
def test_pieces_that_tell_a_short_length_are_not_taken(told):
    taken, sent = [], []

    async def app(scope, receive, send):
        taken.append(scope)

    async def send(message):
        sent.append(message)

    told = {b"host": b"localhost", b"sec-fetch-site": b"same-origin", b"content-length": b"1"} | {
        told.encode(): {"content-length": b"1", "transfer-encoding": b"chunked"}[told]
    }
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": list(told.items())}
    asyncio.run(Guard(app)(scope, None, send))
    assert len(taken) == (b"transfer-encoding" not in told)
    assert [message["status"] for message in sent if "status" in message] == [411] * (1 - len(taken))


def test_a_fault_is_told_in_the_terminal_and_not_to_the_asker(local, capsys):
    answer, text = ask(local, "/boom")
    assert answer.status == 500
    assert "secret" not in text
    said, end = "", time.monotonic() + 30
    while "GET /boom failed: RuntimeError: secret" not in said:  # it may be told after the answer has come
        assert time.monotonic() < end
        said += capsys.readouterr().err


def test_open_to_the_network_nobody_enters_without_the_token(opened):
    assert len(opened.token) >= 24
    for headers in ({}, {"Cookie": f"tenfold-{opened.port}=wrong"}, {"Authorization": "Bearer wrong"}):
        answer, text = ask(opened, **headers)
        assert answer.status == 403
        assert "Open the link that the command printed" in text
    assert ask(opened, "/?t=wrong")[0].status == 403
    assert ask(opened, "/?t=")[0].status == 403


def test_the_link_opens_and_the_cookie_stays(opened):
    assert opened.link("/x?a=1") == f"{opened.url}/x?a=1&t={opened.token}"
    answer, text = ask(opened, f"/?a=%22%3E&t={opened.token}", Accept="text/html")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert opened.token not in text  # the address that it goes on to has none
    assert 'url=/?a=%22%3E"' in text
    assert ask(opened, Cookie=cookie.partition(";")[0])[0].status == 200
    assert ask(opened, Authorization=f"Bearer {opened.token}")[0].status == 200
    assert ask(opened, f"/?t={opened.token}")[0].status == 200  # a program that keeps no cookies


def test_a_link_never_leads_to_another_machine(opened):
    _, text = ask(opened, f"//evil.example/?t={opened.token}", Accept="text/html")
    assert "url=/evil.example/" in text


def test_a_taken_port_is_replaced_and_a_strange_host_refused(app, local):
    with serving(app, port=local.port) as other:
        assert other.moved
        assert other.port != local.port
        assert ask(other)[0].status == 200
    for host, port in (("203.0.113.7", 0), ("no.such.host.invalid", 0), ("127.0.0.1", 70000)):
        with pytest.raises(InvalidInputError), serving(app, host=host, port=port):
            pass


def test_a_stopped_server_leaves_its_port(app):
    with serving(app) as address:
        assert ask(address)[0].status == 200
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", address.port))


def test_addresses_of_six_bytes_stand_in_brackets():
    assert Address("::1", 80).link("/a") == "http://[::1]:80/a"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_is_stopped_before_it_runs_ends_in_order_and_leaves_signals_as_they_were(app, number):
    before = signal.getsignal(number)
    serve(app, on_ready=lambda _: os.kill(os.getpid(), number))
    assert signal.getsignal(number) is before
