"""Pictures arrive bit for bit, and nothing about them tells the model."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from snellen.errors import UserError
from snellen.study.server.images import Versions, prepare
from snellen.study.server.png import decode_png, encode_png

from .making import MODELS, Person, study


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 5),
)
def test_pixels_come_back_bit_for_bit(height, width, channels, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    data = encode_png(pixels)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.mode == {1: "L", 3: "RGB"}[channels]
        assert (np.asarray(image).reshape(pixels.shape) == pixels).all()
    assert (decode_png(data, channels).reshape(pixels.shape) == pixels).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (96, 96, 3), (500, 333, 3), (300, 401, 1)])
def test_the_length_follows_from_the_shape_alone(shape):
    draw = np.random.default_rng(0)
    kinds = [
        np.zeros(shape, np.uint8),
        np.full(shape, 255, np.uint8),
        draw.integers(0, 256, shape, np.uint8),
        draw.integers(0, 2, shape, np.uint8),
    ]
    assert len({len(encode_png(pixels)) for pixels in kinds}) == 1


def test_there_is_nothing_but_pixels_in_a_file():
    data = encode_png(np.zeros((5, 7, 3), np.uint8))
    chunks, at = [], 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append(data[at + 4 : at + 8])
        crc = int.from_bytes(data[at + 8 + length : at + 12 + length], "big")
        assert crc == zlib.crc32(data[at + 4 : at + 8 + length])
        at += 12 + length
    assert chunks == [b"IHDR", b"IDAT", b"IEND"]


@pytest.mark.parametrize("channels", [1, 3])
def test_every_picture_is_served_as_it_was_made(tmp_path, serve, channels):
    made = study(tmp_path, channels=channels)
    client = serve(made)
    person = Person(client)
    for number, trial in enumerate(client.app.state.room.plan.trials(0)):
        at = person.trial().json()
        for model, image in zip((-1, *trial.shown), (at["original"], *at["options"]), strict=True):
            name = "original" if model == -1 else made.config.models[model]
            wanted = made.picture_bytes(trial.picture, name)
            with (
                Image.open(io.BytesIO(wanted)) as one,
                Image.open(io.BytesIO(person.image(image).content)) as other,
            ):
                assert one.mode == other.mode
                assert (np.asarray(one) == np.asarray(other)).all()
        person.answer(number)


def test_nothing_in_a_reply_tells_the_model(tmp_path, serve):
    made = study(tmp_path)
    files = [made.picture_bytes(0, name) for name in ("original", *MODELS)]
    assert len({len(data) for data in files}) > 1  # the files' own sizes would
    client = serve(made)
    person = Person(client)
    at = person.trial().json()
    replies = [person.image(image) for image in (at["original"], *at["options"])]
    told = [{k: v for k, v in reply.headers.items() if k != "date"} for reply in replies]
    assert all(headers == told[0] for headers in told)
    assert told[0]["content-type"] == "image/png"
    assert "no-store" in told[0]["cache-control"]
    assert not {"etag", "last-modified", "content-disposition"} & set(told[0])
    everything = str(told) + person.trial().text
    assert not any(model in everything for model in (*MODELS, "p00"))


def test_ids_say_nothing_and_are_never_the_same(tmp_path, serve):
    client = serve(study(tmp_path))
    ids = set()
    for _ in range(4):
        at = Person(client).trial().json()
        ids |= {at["original"], *at["options"]}
    assert len(ids) == 16
    assert all(len(image) == 32 and int(image, 16) for image in ids)


def test_all_versions_are_made_ready_together(tmp_path):
    """So that the first to be asked for does not take longer than the others."""
    made = study(tmp_path)
    versions = prepare(made, 0)
    assert set(versions) == {-1, 0, 1, 2}
    assert len({len(data) for data in versions.values()}) == 1


def test_many_who_ask_at_once_wait_for_one_reading(tmp_path, monkeypatch):
    import asyncio

    made = study(tmp_path)
    read = []
    monkeypatch.setattr(
        "snellen.study.server.images.prepare", lambda s, k: (read.append(k), prepare(s, k))[1]
    )

    async def ask():
        versions = Versions(made, 10**6)
        found = await asyncio.gather(*(versions.get(0, model) for model in (-1, 0, 1, 2) * 5))
        return len(found)

    assert asyncio.run(ask()) == 20
    assert read == [0]


def test_only_so_many_pictures_are_kept(tmp_path):
    import asyncio

    made = study(tmp_path)
    one = sum(map(len, prepare(made, 0).values()))

    async def ask():
        versions = Versions(made, 3 * one)
        for picture in (0, 1, 2, 0, 3):
            await versions.get(picture, -1)
        return list(versions._ready), versions._bytes

    assert asyncio.run(ask()) == ([2, 0, 3], 3 * one)


def test_a_changed_picture_is_not_shown(tmp_path, serve, caplog):
    made = study(tmp_path)
    client = serve(made)
    person = Person(client)
    picture = client.app.state.room.plan.trials(0)[0].picture
    file = made.path / made.picture(picture).files["mae"]
    Image.fromarray(np.zeros((12, 16, 3), np.uint8)).save(file)
    at = person.trial().json()
    for image in (at["original"], *at["options"]):  # whichever is asked for
        reply = person.image(image)
        assert reply.status_code == 503
        assert reply.json()["error"] == "picture"
        assert int(reply.headers["retry-after"]) > 0
        assert "mae" not in reply.text
    assert "is not the picture that the study was made with" in caplog.text


@pytest.mark.parametrize("harm", ["missing", "changed", "a folder"])
def test_the_owner_is_told_once_which_file_is_damaged(tmp_path, serve, caplog, harm):
    made = study(tmp_path)
    client = serve(made)
    person = Person(client)
    picture = client.app.state.room.plan.trials(0)[0].picture
    file = made.path / made.picture(picture).files["mae"]
    whole = file.read_bytes()
    file.unlink()
    if harm == "changed":
        file.write_bytes(whole[:-20])
    elif harm == "a folder":
        file.mkdir()
    at = person.trial().json()
    for image in (at["original"], *at["options"]) * 2:
        reply = person.image(image)
        assert (reply.status_code, reply.json()["error"]) == (503, "picture")
    (told,) = [record for record in caplog.records if record.name == "snellen.study"]
    assert str(file) in told.getMessage()
    assert "whoever comes to it has to wait" in told.getMessage()
    # It is put back, and the study goes on without a new start.
    if harm == "a folder":
        file.rmdir()
    file.write_bytes(whole)
    assert person.image(at["original"]).status_code == 200
    assert person.answer_all()["state"] == "done"


@pytest.mark.parametrize(
    ("data", "said"), [(b"no PNG", "cannot be read"), (None, "is 5×4, not 16")]
)
def test_a_file_that_never_was_right_is_named_too(tmp_path, monkeypatch, data, said):
    made = study(tmp_path)
    data = data or encode_png(np.zeros((4, 5, 3), np.uint8))
    monkeypatch.setattr(type(made), "picture_bytes", lambda *_: data)
    with pytest.raises(UserError, match=said) as info:
        prepare(made, 0)
    assert made.picture(0).files["original"] in str(info.value)


def test_what_is_no_such_png_is_refused():
    buffer = io.BytesIO()
    Image.new("RGBA", (2, 2)).save(buffer, "PNG")
    with pytest.raises(UserError, match="is RGBA, not 8-bit RGB"):
        decode_png(buffer.getvalue(), 3)
    with pytest.raises(UserError, match="cannot be read"):
        decode_png(b"\x89PNG no", 1)
