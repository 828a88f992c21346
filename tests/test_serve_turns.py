"""Many what-ifs at once: they keep nothing else waiting, and those who ask take turns."""

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import serve_case as case
from serve_case import ask, site

from virality.web import api
from virality.web.refusal import Refusal
from virality.web.turns import Turns
from virality.workflow.prediction_log import open_log

MANY = 60
"""More than the threads that a server has for requests, which are 40."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with (
        open_log(tmp_path_factory.mktemp("log") / "predictions.db") as log,
        site(log=log) as one,
    ):
        yield one


async def order_of(questions: str) -> list[str]:
    """Return in which order questions are answered that come at once, each named by its asker."""
    turns, answered = Turns(), []

    async def question(asker: str) -> None:
        async with turns.turn(asker, 60):
            await asyncio.sleep(0)
            answered.append(asker)

    await asyncio.gather(*map(question, questions))
    return answered


@pytest.mark.parametrize(
    ("come", "answered"), [("aaab", "aaba"), ("aaabbc", "aabcab"), ("aaa", "aaa"), ("abc", "abc")]
)
def test_those_who_ask_take_turns(come, answered):
    assert "".join(asyncio.run(order_of(come))) == answered


def test_who_gives_up_keeps_nobody_waiting():
    async def run() -> list[str]:
        turns, answered = Turns(), []

        async def question(asker: str, wait_s: float = 60) -> None:
            async with turns.turn(asker, wait_s):
                answered.append(asker)

        async with turns.turn("first", 60):
            late = asyncio.create_task(question("late", 0.01))
            gone = asyncio.create_task(question("gone"))
            last = asyncio.create_task(question("last"))
            with pytest.raises(Refusal) as refused:
                await late
            assert (refused.value.status, refused.value.code) == (503, "busy")
            gone.cancel()
        await last
        await question("later")
        with pytest.raises(asyncio.CancelledError):
            await gone
        return answered

    assert asyncio.run(run()) == ["last", "later"]


def test_a_turn_that_comes_to_somebody_just_cancelled_goes_on():
    async def run() -> None:
        turns = Turns()

        async def question(asker: str) -> None:
            async with turns.turn(asker, 60):
                pass

        async with turns.turn("first", 60):
            gone, last = (asyncio.create_task(question(name)) for name in ("gone", "last"))
            await asyncio.sleep(0)
        gone.cancel()  # its turn has come, but it has not run since
        await asyncio.wait_for(last, 30)

    asyncio.run(run())


class Held:
    """A predictor's change, held until it is let go on; it counts."""

    def __init__(self, predictor, monkeypatch) -> None:
        self.calls, self.let_go, self.begun = 0, threading.Event(), threading.Event()
        self._change = predictor.change
        monkeypatch.setattr(predictor, "change", self.change)

    def change(self, *arguments):
        """Count, wait and do it."""
        self.calls += 1
        self.begun.set()
        assert self.let_go.wait(120)
        return self._change(*arguments)


def what_if_of(client) -> tuple[str, str]:
    """The address of a what-if, and the id of the prediction."""
    made = ask(client, captions=("word word",))
    return f"/api/v1/jobs/{made['id']}/items/0/what-if", made["items"][0]["prediction_id"]


def waiting(server) -> int:
    return sum(len(theirs) for theirs in server.board.turns._waiting.values())


def test_many_what_ifs_keep_nothing_else_from_being_answered(server, monkeypatch):
    monkeypatch.setattr(api, "WAIT_S", 120.0)
    with server.client() as client, ThreadPoolExecutor(MANY) as threads:
        path, prediction = what_if_of(client)
        held = Held(server.board.predictor, monkeypatch)
        try:
            asked = [
                threads.submit(case.httpx.post, server.url + path, json={}, timeout=240)
                for _ in range(MANY)
            ]
            assert held.begun.wait(60)
            while waiting(server) < MANY - 1:
                assert not any(one.done() for one in asked)
                time.sleep(0.01)
            told = client.post(f"/api/v1/predictions/{prediction}/feedback", json={"views": 12})
            assert told.status_code == 200
            assert client.get(f"/predictions/{prediction}").status_code == 200
        finally:
            held.let_go.set()
        assert {one.result().status_code for one in asked} == {200}
    assert waiting(server) == 0


def test_what_nobody_waits_for_any_more_is_not_worked_out(server, monkeypatch):
    with server.client() as client:
        path, _ = what_if_of(client)
        held = Held(server.board.predictor, monkeypatch)
        request = (
            f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            "content-length: 2\r\n\r\n{}"
        )
        socks: list[socket.socket] = []
        try:
            for _ in range(5):
                socks.append(server.connect())
                socks[-1].sendall(request.encode())
            assert held.begun.wait(60)
            while waiting(server) < 4:
                assert held.calls == 1
                time.sleep(0.01)
            for sock in socks:
                sock.close()
            client.get("/health")  # answered after the server has seen that they are gone
        finally:
            held.let_go.set()
        assert client.post(path, json={}).status_code == 200
        assert held.calls == 2
