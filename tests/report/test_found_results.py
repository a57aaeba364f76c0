"""Results are found wherever they lie below the folders that are named."""

import pytest

from med_cam.errors import OutputError
from med_cam.report.found_results import found_results


def test_results_are_found_at_any_depth_sorted_and_once(tmp_path):
    wanted = [tmp_path / name for name in ("a", "a/b/c", "d/e")]
    for place in wanted:
        place.mkdir(parents=True)
        (place / "explanation.json").touch()
    (tmp_path / "p_baseline").mkdir()
    hidden = tmp_path / ".med-cam-1234"
    hidden.mkdir()
    (hidden / "explanation.json").touch()
    assert found_results([tmp_path]) == wanted
    assert found_results([tmp_path / "d", tmp_path / "a", tmp_path]) == wanted
    assert found_results([tmp_path / "d" / "e"]) == [tmp_path / "d" / "e"]


def test_a_result_in_a_hidden_folder_that_was_named_is_found(tmp_path):
    place = tmp_path / ".mine" / "scan"
    place.mkdir(parents=True)
    (place / "explanation.json").touch()
    assert found_results([tmp_path / ".mine"]) == [place]


@pytest.mark.parametrize("name", ["missing", "p_baseline", "file"])
def test_a_path_without_results_is_named(tmp_path, name):
    (tmp_path / "scan").mkdir()
    (tmp_path / "scan" / "explanation.json").touch()
    (tmp_path / "p_baseline").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=rf"{name} holds no result; give a folder"):
        found_results([tmp_path / "scan", tmp_path / name])


def test_none_of_no_paths_is_an_error():
    with pytest.raises(OutputError, match="no folder"):
        found_results([])
