"""``open_study``: a study whose parts fit together, or the sentence about what does not."""

import json
import os
import re

import pytest

from snellen.errors import UserError
from snellen.study.folder import open_study, placeholders, select_pictures
from snellen.study.pictures import ORIGINAL, Picture, PictureSet

from .making import folders, noise, save, study


def edit(made, **changes):
    """Change keys of study.yaml."""
    place = made.path / "study.yaml"
    text = place.read_text()
    for key, value in changes.items():
        text, count = re.subn(rf"(?m)^{key}:.*(\n- .*)*$", f"{key}: {value}", text)
        assert count == 1
    place.write_text(text)


def line_of(made, text):
    return (made.path / "study.yaml").read_text().splitlines().index(text) + 1


def edit_list(made, change):
    values = json.loads((made.path / "pictures.json").read_text())
    change(values)
    (made.path / "pictures.json").write_text(json.dumps(values))


def refused(made):
    with pytest.raises(UserError) as caught:
        open_study(made.path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_create_made_is_opened(tmp_path):
    made = study(tmp_path / "study")
    assert open_study(str(made.path)) == made
    assert made.database == made.path / "study.db"
    assert made.indices == (0, 1, 2, 3, 4, 5)


def test_what_is_no_study(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        open_study(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"holds no pictures\.json"):
        open_study(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        open_study(tmp_path / "file")


def test_a_missing_study_yaml(tmp_path):
    made = study(tmp_path / "study")
    (made.path / "study.yaml").unlink()
    assert "study.yaml is missing" in refused(made)


def test_models_that_there_are_not(tmp_path):
    made = study(tmp_path / "study")
    edit(made, models="[mse, maes]")
    assert "no model 'maes'. Did you mean 'mae'?" in refused(made)
    edit(made, models="\n- mse\n- maes")
    assert f", line {line_of(made, '- maes')}: there is no model 'maes'." in refused(made)


def test_fewer_models_in_another_order_are_chosen(tmp_path):
    made = study(tmp_path / "study")
    edit(made, models="[mae, mse]")
    assert open_study(made.path).config.models == ("mae", "mse")


def test_pictures_that_there_are_not(tmp_path):
    made = study(tmp_path / "study")
    edit(made, pictures="[boat 1, boat 2, boot 3]")
    assert "no picture 'boot 3'. Did you mean 'boat 3'?" in refused(made)
    edit(made, pictures="\n- boat 1\n- boot 3")
    assert f", line {line_of(made, '- boot 3')}: there is no picture 'boot 3'." in refused(made)
    edit(made, pictures=7)
    line = line_of(made, "pictures: 7")
    assert f", line {line}: of pictures 7 are asked for, there are 6" in refused(made)
    edit(made, pictures="[]")
    assert "none is named" in refused(made)


def test_an_impossible_design(tmp_path):
    made = study(tmp_path / "study")
    edit(made, design="nested")
    assert "study.yaml: nested: 4 people × 3 trials need 12 pictures; there are 6" in refused(made)
    edit(made, design="crossed", repeats=4)
    assert "4 repeats need as many main trials" in refused(made)


def test_the_plan_is_of_the_pictures_that_are_shown(tmp_path):
    made = study(tmp_path / "study", trials=2, pictures=("boat 1", "boat 3"))
    assert set(made.plan.picture.ravel().tolist()) == {1, 3}
    assert made.plan.people == 4


def test_pictures_by_name_keep_the_order_of_the_list(tmp_path):
    made = study(tmp_path / "study")
    edit(made, pictures="[boat 5, boat 0, boat 2]")
    assert open_study(made.path).indices == (0, 2, 5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.update(format=2), "has format 2"),
        (lambda v: v.update(kind="x"), "not the list of a study's pictures"),
        (lambda v: v.pop("models"), "'models' is missing"),
        (lambda v: v["models"].append("mse"), "a model is named twice"),
        (lambda v: v["pictures"].append(v["pictures"][0]), "a picture is named twice"),
        (lambda v: v.update(pictures=[]), "lists no picture"),
        (lambda v: v["pictures"][0].update(width="16"), "'16' where a int belongs"),
        (lambda v: v["pictures"][0].update(channels=4), "with 4 channels"),
        (
            lambda v: v["pictures"][0]["files"].update(mse="pictures/../study.db"),
            "not in pictures/",
        ),
        (lambda v: v["pictures"][0]["files"].update(mse="/etc/passwd"), "not in pictures/"),
        (lambda v: v["pictures"][0]["files"].update(mse="secrets.json"), "not in pictures/"),
        (lambda v: v["pictures"][0]["files"].update(mse="pictures/mse/x.png"), "is missing"),
        (lambda v: v["pictures"][0]["files"].update(mse="pictures/mse"), "is not a file"),
    ],
)
def test_a_damaged_list_of_pictures(tmp_path, change, said):
    made = study(tmp_path / "study")
    edit_list(made, change)
    assert said in refused(made)


def test_a_list_that_is_no_json(tmp_path):
    made = study(tmp_path / "study")
    (made.path / "pictures.json").write_text("{")
    assert "is damaged" in refused(made)
    (made.path / "pictures.json").write_text("[]")
    assert "not the list" in refused(made)


def test_a_missing_picture_and_a_link(tmp_path):
    made = study(tmp_path / "study")
    place = made.path / made.picture(2).files["mae"]
    place.rename(tmp_path / "elsewhere.png")
    assert "a picture of the study is missing" in refused(made)
    place.symlink_to(tmp_path / "elsewhere.png")
    assert "0003.png is a link" in refused(made)


def test_a_changed_picture_is_found_when_it_is_read(tmp_path):
    made = study(tmp_path / "study")
    save(made.path / made.picture(2).files["mae"], noise(5, 12, 16))
    assert open_study(made.path) == made
    with pytest.raises(UserError, match="not the picture that the study was made with"):
        made.picture_bytes(2, "mae")
    assert len(made.changed_pictures()) == 1


def test_the_digest_follows_what_is_asked_and_shown(tmp_path):
    made = study(tmp_path / "study")
    digests = {made.digest}
    edit(made, seed=1)
    digests.add(open_study(made.path).digest)
    edit_list(made, lambda v: v["pictures"][0]["sha256"].update(mse="0" * 64))
    digests.add(open_study(made.path).digest)
    edit_list(made, lambda v: v["pictures"].reverse())
    digests.add(open_study(made.path).digest)
    assert len(digests) == 4


def test_the_digest_does_not_follow_layout_and_provenance(tmp_path):
    made = study(tmp_path / "study")
    with (made.path / "study.yaml").open("a") as file:
        file.write("\n# a remark\n")
    edit_list(made, lambda v: v["provenance"].update(note="moved"))
    assert open_study(made.path).digest == made.digest


def test_secrets_must_be_sound_and_private(tmp_path):
    made = study(tmp_path / "study")
    place = made.path / "secrets.json"
    os.chmod(place, 0o644)
    with pytest.raises(UserError, match="chmod 600"):
        made.secrets()
    os.chmod(place, 0o600)
    for text in ("{", "[]", '{"admin": 1, "salt": 2}', '{"admin": "short", "salt": "short"}'):
        place.write_text(text)
        with pytest.raises(UserError, match="is damaged"):
            made.secrets()
    place.unlink()
    with pytest.raises(UserError, match="is missing"):
        made.secrets()
    assert open_study(made.path) == made  # to analyse a copy needs no secrets


def test_what_is_left_to_fill_in_is_told(tmp_path):
    assert placeholders(study(tmp_path / "study").config) == ()
    from snellen.study.create import create_study

    made = create_study(folders(tmp_path / "in"), tmp_path / "other").study
    assert placeholders(made.config) == ("consent", "contact")


def picture_set(sources):
    pictures = [Picture(f"p{k}", source, 1, 1, 1, {}, {}) for k, source in enumerate(sources)]
    return PictureSet(("a", "b"), tuple(pictures))


def test_a_number_is_drawn_from_as_many_sources_as_there_are():
    pictures = picture_set("aaaaaaaabbbbcc")
    for seed in range(20):
        for count in (1, 2, 3, 6, 14):
            places = select_pictures(pictures, count, seed)
            assert len(set(places)) == count
            assert list(places) == sorted(places)
            drawn = [pictures.pictures[place].source for place in places]
            assert len(set(drawn)) == min(count, 3)
            if count == 6:
                assert sorted(drawn) == list("aabbcc")


def test_the_draw_is_the_seeds_and_grows():
    pictures = picture_set(map(str, range(40)))
    first = select_pictures(pictures, 10, 0)
    assert first == select_pictures(pictures, 10, 0)
    assert first != select_pictures(pictures, 10, 1)
    assert set(first) < set(select_pictures(pictures, 11, 0))


def test_the_original_is_no_model(tmp_path):
    made = study(tmp_path / "study")
    edit_list(made, lambda v: v["models"].append(ORIGINAL))
    assert "named twice" in refused(made)
