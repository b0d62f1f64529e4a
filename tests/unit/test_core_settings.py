"""One tree of settings, from three places, with errors that help."""

from __future__ import annotations

from pathlib import Path

import pytest

from serdab.core import BadSetting, load_settings, setting_names, variable_of


def test_later_places_win(tmp_path: Path) -> None:
    file = tmp_path / "serdab.toml"
    file.write_text('home = "/file"\n[flow]\nlease_s = 3\npoll_s = 0.5\n')
    environ = {"SERDAB_CONFIG": str(file), "SERDAB_FLOW_LEASE_S": "4", "PATH": "/bin"}
    settings = load_settings(["flow.poll_s=0.25"], environ=environ)
    assert (settings.home, settings.flow.lease_s, settings.flow.poll_s) == ("/file", 4.0, 0.25)


@pytest.mark.parametrize(
    ("overrides", "environ", "said"),
    [
        ([], {"SERDAB_FLOW_LEASES": "3"}, "did you mean SERDAB_FLOW_LEASE_S"),
        (["flow.leas_s=3"], {}, "did you mean flow.lease_s"),
        (["flow.lease_s"], {}, "NAME=VALUE"),
        (["flow.lease_s=soon"], {}, "flow.lease_s from --set"),
        ([], {"SERDAB_FLOW_LEASE_S": "0.1"}, "SERDAB_FLOW_LEASE_S"),
        ([], {"SERDAB_CONFIG": "/nowhere/serdab.toml"}, "path of a file"),
    ],
)
def test_a_wrong_setting_says_where_and_what(overrides: list[str], environ: dict[str, str], said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        load_settings(overrides, environ=environ)


def test_an_unknown_table_in_the_file_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "serdab.toml"
    file.write_text("[flows]\nlease_s = 3\n")
    with pytest.raises(BadSetting, match=r"flows\.lease_s"):
        load_settings(environ={"SERDAB_CONFIG": str(file)})


def test_an_empty_table_is_one_of_ours_or_an_error(tmp_path: Path) -> None:
    file = tmp_path / "serdab.toml"
    file.write_text("[flow]\n")
    load_settings(environ={"SERDAB_CONFIG": str(file)})
    file.write_text("[flwo]\n")
    with pytest.raises(BadSetting, match=r"did you mean flow\?"):
        load_settings(environ={"SERDAB_CONFIG": str(file)})


def test_every_setting_has_a_meaning_and_a_variable_of_its_own() -> None:
    names = [name for name, _ in setting_names()]
    assert len({variable_of(name) for name in names}) == len(names)
    for name, field in setting_names():
        assert "description" in repr(field.type), name
