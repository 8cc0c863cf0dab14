"""More than can be done is refused, clearly; nothing is lost."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from .making import Person, study


def block_writer(client):
    """Keep the thread that writes busy until the returned event is set."""
    begun, go = threading.Event(), threading.Event()

    def operation(_):
        begun.set()
        go.wait(20)

    client.app.state.room.store.write(operation)
    assert begun.wait(20)
    return go


def test_too_many_requests_at_once_are_refused_and_nothing_is_lost(tmp_path, serve):
    client = serve(study(tmp_path, people=12, count=36), most_requests=4)
    people = [Person(client) for _ in range(12)]
    go = block_writer(client)
    with ThreadPoolExecutor(12) as pool:
        jobs = [pool.submit(person.answer, 0) for person in people]
        until = time.monotonic() + 20
        while sum(job.done() for job in jobs) < 8 and time.monotonic() < until:
            time.sleep(0.01)
        refused = [job.result() for job in jobs if job.done()]
        assert len(refused) == 8
        for reply in refused:
            assert reply.status_code == 503
            assert reply.json()["error"] == "busy"
            assert int(reply.headers["retry-after"]) >= 1
            assert "content-security-policy" in reply.headers
        go.set()
        taken = [job.result().status_code for job in jobs]
    assert sorted(taken) == [201] * 4 + [503] * 8
    for person, status in zip(people, taken, strict=True):
        assert person.trial().json()["answered"] == (status == 201)
        assert person.answer(0).status_code == (200 if status == 201 else 201)


def test_a_server_that_is_late_tells_everybody_to_come_back(tmp_path, serve, monkeypatch):
    client = serve(study(tmp_path))
    person = Person(client)
    pressure = client.app.state.room.pressure
    note = pressure.note
    monkeypatch.setattr(pressure, "note", lambda _: None)  # the server asks every 0.1 s
    note(0.6)
    assert person.trial().status_code == 200  # once may happen
    note(0.6)
    reply = person.answer(0)
    assert (reply.status_code, reply.json()["error"]) == (503, "busy")
    assert int(reply.headers["retry-after"]) >= 1
    note(0.1)
    assert person.answer(0).status_code == 201


def test_a_full_disk_is_said_and_what_was_answered_is_kept(tmp_path, serve):
    client = serve(study(tmp_path, people=1, trials=30, count=30))
    person = Person(client)
    write = client.app.state.room.store.write
    pages = client.app.state.room.store.read(lambda c: c.execute("PRAGMA page_count").fetchone())[0]
    write(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 6}").fetchone()).result(20)
    much = {"environment": {"words": ["x" * 400] * 16}}
    number = 0
    while (reply := person.answer(number, **much)).status_code == 201:
        number += 1
    assert reply.status_code == 507
    assert reply.json()["error"] == "storage"
    assert "safe" in reply.json()["message"]
    assert number > 0
    assert person.trial().json()["answered"] == number
    assert person.answer(number - 1, **much).status_code == 200
    assert client.get("/health").status_code == 200
    write(lambda c: c.execute("PRAGMA max_page_count = 100000").fetchone()).result(20)
    assert person.answer_all()["state"] == "done"
    assert person.complete().status_code == 200


def test_a_participant_who_hangs_up_harms_nobody(tmp_path, serve):
    client = serve(study(tmp_path))
    person, other = Person(client), Person(client)
    go = block_writer(client)

    async def hang_up():
        async with httpx.AsyncClient(base_url=client.base_url) as impatient:
            job = asyncio.create_task(
                impatient.post("/api/answers/0", headers=person.headers, json={"ranks": [1, 2, 3]})
            )
            await asyncio.sleep(0.2)
            job.cancel()

    asyncio.run(hang_up())
    go.set()
    assert other.answer(0).status_code == 201
    # Whether it was taken or not, the same answer goes on.
    assert person.answer(0).status_code in (200, 201)
    assert person.trial().json()["answered"] == 1
