"""New software that cannot use the configuration of its node: refused when it is built, and else taken back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli.run import settled
from edge.errors import ConfigError
from edge.updates.install import install, install_waiting
from firmware_config.sign import signed_bundle
from tests.updates.bundles import SLOTS, Begun, Bench, one, one_and_two, packed, software

WHY = "climate.username would cross the network in the open; give climate.tls = true"
COMMAND = f"""
import sys

def main():
    if sys.argv[1:2] == ["check"]:
        print("fieldeye {{version}} looks at it", file=sys.stderr)
        sys.exit(f"fieldeye: {{{{sys.argv[3]}}}}: {WHY}")
    print("fieldeye {{version}}")
"""


def sign_strict(bench: Bench, version: str, counter: int) -> Path:
    """Software that refuses the configuration, whatever it is."""
    content = software(bench.folder / f"software-{counter}", version)
    files = {"edge.py": COMMAND.format(version=version)}
    packed(content, "fieldeye", version, files, "[console_scripts]\nfieldeye = edge:main\n")
    found = {str(path.relative_to(content)): path.read_bytes() for path in content.rglob("*") if path.is_file()}
    return bench.put(f"{counter}.update", signed_bundle("software", version, counter, found, bench.key))


def test_software_that_refuses_what_the_node_runs_with_is_not_switched_to_and_the_sentence_says_what(
    bench: Bench, begun: Begun
) -> None:
    begun.put(bench, one)
    inbox = bench.folder / "inbox"
    inbox.mkdir()
    sign_strict(bench, "2.0", 2).rename(inbox / "2.update")
    (said,) = install_waiting(inbox, bench.places)
    assert said.startswith(
        "refused: bundle 2: build failed (slots: the new software refuses what this node runs with: "
    )
    assert f"/etc/fieldeye/node.toml: {WHY}; mend it, then send the bundle again); what ran before still runs" in said
    assert "looks at it" not in said
    assert (bench.runs(), list(inbox.iterdir())) == ("fieldeye 1.0", [])


def test_what_the_running_software_refuses_as_well_keeps_no_update_away(bench: Bench) -> None:
    for counter, version in ((1, "1.0"), (2, "2.0")):
        install(sign_strict(bench, version, counter), bench.places)
    assert bench.runs() == "fieldeye 2.0"


def test_a_configuration_that_cannot_be_used_ends_a_trial_badly_and_afterwards_leaves_the_page(
    bench: Bench, begun: Begun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    begun.put(bench, one_and_two)
    config = tmp_path / "node.toml"
    config.write_text("[node\n")
    with pytest.raises(ConfigError, match=r"node\.toml"):
        settled(config, bench.places)
    bench.prove()
    chosen = settled(config, bench.places)
    assert (chosen.looks, "node.toml" in chosen.refused) == (False, True)


def test_the_service_whose_files_are_its_own_can_read_that_it_is_on_trial_and_how_it_ended(
    bench: Bench, begun: Begun
) -> None:
    """What it starts with full privileges has its umask all the same."""
    begun.put(bench, one_and_two)
    told = {**os.environ, "FIELDEYE_OPT": str(bench.places.opt)}
    for _ in range(4):
        subprocess.run([SLOTS, "starting"], check=True, capture_output=True, env=told, umask=0o077)
        for name in {"trial-venv", "said"} & {path.name for path in bench.places.opt.iterdir()}:
            assert (bench.places.opt / name).stat().st_mode & 0o777 == 0o644
    assert (bench.runs(), "ended badly 3 times" in (bench.places.opt / "said").read_text()) == ("fieldeye 1.0", True)


def test_a_trial_that_the_script_of_an_older_card_tells_root_alone_is_one(bench: Bench, begun: Begun) -> None:
    begun.put(bench, one_and_two)
    (bench.places.opt / "trial-venv").chmod(0)
    asked = f"from edge.updates.slots import *; print(trial(Places(Path({str(bench.places.opt)!r})), 'software'))"
    as_service = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    told = subprocess.run([*as_service, sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert told.stdout == "0\n"
