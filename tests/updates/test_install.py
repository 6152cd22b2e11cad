"""From a signed bundle to the slot that runs, and back: real virtual environments, real models, the real script."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from edge.bundle import load_manifest
from edge.cli import main
from edge.cli.doctor import _software
from edge.config import CameraTable, NodeConfig, NodeTable
from edge.errors import UpdateError, UsageError
from edge.introduction import introduction
from edge.updates.inbox import Inbox, Request
from edge.updates.install import install, install_waiting
from edge.updates.lock import UpdateBusyError, alone
from edge.updates.manifest import MOST_BUNDLE_BYTES, Manifest
from edge.updates.models import models_folder
from edge.updates.secrets import KEY, SEALED, install_secrets, seal
from edge.updates.slots import floor, running_counter, said, trial
from firmware_config.sign import model_files, public_key, signed_bundle
from tests.faults.small_disk import run_on_small_disk
from tests.onnx_files import Net, facts, write_release
from tests.updates.bundles import MODELS, SLOTS, Begun, Bench, one, one_and_two
from tests.waiting import wait_until

TILE = {"side_px": 64, "overlap_px": 8}
BAD, ASKED = {"SERVICE_RESULT": "exit-code"}, {"SERVICE_RESULT": "success"}


def options(bench: Bench) -> list[str]:
    return ["--opt", str(bench.places.opt), "--keys", str(bench.places.keys), "--slots", str(SLOTS)]


def models(bench: Bench, counter: int) -> str:
    return install(bench.sign_models(["pests-int8"], counter), bench.places)


def test_new_software_runs_after_the_switch_and_the_former_after_three_bad_starts(bench: Bench, begun: Begun) -> None:
    begun.put(bench, one_and_two)
    ran = []
    for _ in range(4):
        bench.slots("starting")
        ran.append(bench.runs())
        bench.slots("stopped", **BAD)
    assert ran == ["fieldeye 2.0"] * 3 + ["fieldeye 1.0"]
    assert trial(bench.places, "software") is None
    assert floor(bench.places, "venv") == 0  # the same may be sent again, once its cause is mended


def test_software_that_was_taken_back_is_on_trial_when_somebody_goes_back_to_it_by_hand(
    bench: Bench, begun: Begun, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the node went back by itself, `back` by hand ran the broken software for good."""
    begun.put(bench, one_and_two)
    for _ in range(2):
        end_badly(bench)
        assert bench.runs() == "fieldeye 1.0"
        assert main(["update", "back", *options(bench)]) == 0
        assert capsys.readouterr().out == "software: number 2 runs from now on, on trial\n"
        assert (bench.runs(), trial(bench.places, "software")) == ("fieldeye 2.0", 0)
    assert main(["update", "back", *options(bench)]) == 0
    assert capsys.readouterr().out == "software: number 1 runs from now on\n"


def end_badly(bench: Bench) -> None:
    """Starts until a trial has failed."""
    for _ in range(4):
        bench.slots("starting")
        bench.slots("stopped", **BAD)


def test_models_that_were_taken_back_are_on_trial_when_somebody_goes_back_to_them_by_hand(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    models(bench, 1)
    end_badly(bench)
    assert running_counter(bench.places, "models") == 0
    assert main(["model", "rollback", *options(bench)]) == 0
    assert capsys.readouterr().out == "models: number 1 runs from now on, on trial\n"
    end_badly(bench)
    assert running_counter(bench.places, "models") == 0


def test_a_node_with_the_softwares_models_alone_has_none_to_go_back_to(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    before = said(bench.places)
    assert main(["model", "rollback", *options(bench)]) != 0
    assert "no other models are installed" in capsys.readouterr().err
    assert said(bench.places) == before


def test_a_number_that_was_taken_back_by_hand_is_not_said_to_run_well(bench: Bench) -> None:
    models(bench, 1)
    bench.prove()
    models(bench, 2)
    bench.prove()
    assert said(bench.places).endswith("number 2, runs well")
    assert main(["model", "rollback", *options(bench)]) == 0
    assert said(bench.places) == "models number 2 was taken back by hand, number 1 runs from now on"
    assert main(["model", "rollback", *options(bench)]) == 0
    assert said(bench.places) == "models number 1 was left by hand, number 2 runs, on trial from the next start on"


def test_the_doctor_calls_an_update_well_only_where_nobody_has_to_do_anything(bench: Bench) -> None:
    """One that was taken back was ✓ as well."""
    states = [_software(bench.places).state]
    models(bench, 1)
    states.append(_software(bench.places).state)  # still on trial
    bench.prove()
    states.append(_software(bench.places).state)
    models(bench, 2)
    end_badly(bench)
    assert [*states, _software(bench.places).state] == ["ok", "worth a look", "ok", "worth a look"]


def test_a_node_tells_the_number_of_the_software_that_runs_and_not_of_what_starts_next(
    bench: Bench, begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun.put(bench, one_and_two)
    config = NodeConfig(node=NodeTable(site="s", node="n"), camera=CameraTable(kind="folder"))
    told = []
    for slot in ("venv-a", "venv-b", "nothing"):
        monkeypatch.setattr(sys, "prefix", str(bench.places.opt / slot))
        told.append(introduction(config, uuid4(), []).software_number)
    assert told == [1, 2, 0]


def refuse(bench: Bench) -> str:
    """What is said of a bundle that the installer removes from the inbox."""
    bench.put("inbox/0123456789abcdef.update", b"photographs")
    return install_waiting(bench.places.inbox, bench.places)[0]


def give_up(bench: Bench) -> str:
    """What is said of a bundle that could not be fetched."""
    bench.places.inbox.mkdir(exist_ok=True)
    Inbox(bench.places.inbox, bench.places).say(sentence := "http://x/y.update: gives nothing (404 Not Found)")
    return sentence


@pytest.mark.parametrize("fail", [refuse, give_up])
def test_one_update_that_does_well_hides_not_that_another_failed_until_one_is_accepted(
    bench: Bench, fail: Callable[[Bench], str]
) -> None:
    models(bench, 1)
    failed = fail(bench)
    bench.prove()
    assert said(bench.places).endswith(f"the new models, number 1, runs well; {failed}")
    sentence = models(bench, 2)
    assert said(bench.places) == sentence


def test_of_several_words_that_which_calls_for_somebody_stands_last(bench: Bench) -> None:
    """The desk knows an update that went well by its end."""
    models(bench, 1)
    end_badly(bench)
    bench.places.inbox.mkdir()
    Inbox(bench.places.inbox).say("what came is kept, the rest is tried again")
    assert said(bench.places).startswith("what came is kept, the rest is tried again; ")
    assert said(bench.places).endswith("the former runs again")


def test_a_bundle_that_is_refused_is_named_by_its_hash_and_the_right_file_is_asked_for(bench: Bench) -> None:
    assert refuse(bench).startswith("refused: bundle 01234567: is no whole bundle (")
    assert refuse(bench).endswith("; copy it again, or send the right file")


@pytest.mark.parametrize("is_told_where", [False, True])
def test_whoever_asks_for_what_runs_is_told_so_and_a_mistaken_bundle_calls_for_nobody_any_more(
    bench: Bench, is_told_where: bool
) -> None:
    """Nothing came of it, and the node needed somebody until the next update."""
    path = bench.sign_models(["pests-int8"], 1)
    sha256, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
    install(path, bench.places)
    bench.prove()
    refused, inbox = refuse(bench), Inbox(bench.places.inbox, bench.places)
    give_up(bench)
    if is_told_where:
        inbox.ask_for(Request(url="http://127.0.0.1:1/x", sha256=sha256, bytes=size))
        assert inbox.requests() == []
    else:
        assert inbox.add(sha256, size, 0, b"") == size
    assert said(bench.places).endswith("runs well; models number 1 is installed already")
    bench.slots("back", "models")
    assert said(bench.places).endswith("runs well"), "it was answered, though that runs no more"
    assert refuse(bench) == refused
    assert said(bench.places).endswith(refused), "it came later"


def test_a_bundle_that_runs_is_not_sent_again_and_one_that_was_taken_back_is(bench: Bench) -> None:
    path = bench.sign_models(["pests-int8"], 1)
    sha256, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
    inbox = Inbox(bench.folder / "inbox", bench.places)
    assert inbox.have_bytes(sha256, size) == 0
    install(path, bench.places)
    assert inbox.have_bytes(sha256, size) == size
    end_badly(bench)
    assert inbox.have_bytes(sha256, size) == 0


def test_software_that_does_not_start_is_not_even_switched_to_and_nothing_of_it_stays(
    bench: Bench, begun: Begun
) -> None:
    begun.put(bench, one)
    with pytest.raises(UpdateError, match="does not start here"):
        install(bench.sign_software("2.0", 2, starts=False), bench.places)
    assert bench.runs() == "fieldeye 1.0"
    assert [path.name for path in bench.places.opt.glob("venv-*")] == ["venv-a"]


FILL = """
import os, pathlib, sys
from edge.errors import UpdateError
from edge.updates.slots import Places, run_slots
disk, folder = pathlib.Path(os.environ["DISK"]), pathlib.Path(sys.argv[1])
for counter, size in ((1, 1_000_000), (2, 6_000_000), (3, 9_000_000)):
    (folder / "counter").write_text(str(counter))
    (folder / "manifest.json").write_text(f"manifest of {counter}")
    (folder / "model.onnx").write_bytes(bytes(size))
    try:
        run_slots(Places(disk, script=pathlib.Path(sys.argv[2])), ["fill", str(folder)])
        run_slots(Places(disk, script=pathlib.Path(sys.argv[2])), ["switch", "models"])
        (disk / "trial-models").unlink()
    except UpdateError as why:
        print(why)
print(*sorted(path.name for path in disk.iterdir()))
"""


def test_models_for_which_the_card_has_no_room_leave_nothing_on_it(tmp_path: Path) -> None:
    failed, there = run_on_small_disk("-c", FILL, str(tmp_path), str(SLOTS)).splitlines()
    assert "No space left on device" in failed
    assert there == "models models-b"


def other_signer(bench: Bench) -> Bench:
    """Another fleet, whose bundles the node of `bench` takes too: both count from 1."""
    other = Bench(bench.folder / "other")
    (bench.places.keys / "2.pub").write_text(public_key(other.key) + "\n")
    return other


def test_another_signers_software_of_the_number_that_runs_is_not_called_installed(bench: Bench, begun: Begun) -> None:
    begun.put(bench, one)
    mine, others = bench.folder / "1.update", other_signer(bench).sign_software("2.0", 1)
    bench.prove()
    with pytest.raises(
        UpdateError, match="number 1 is another signer's and runs here already; sign it with --counter 2"
    ):
        install(others, bench.places)
    assert bench.runs() == "fieldeye 1.0"
    (bench.places.opt / "venv/bundle").unlink()  # as setup.sh leaves it, or a power cut
    assert install(mine, bench.places).endswith("number 1, is installed already")


def test_another_signers_models_of_the_number_that_runs_are_not_called_installed(bench: Bench) -> None:
    mine, others = (signer.sign_models(["pests-int8"], 2) for signer in (bench, other_signer(bench)))
    install(mine, bench.places)
    bench.prove()
    with pytest.raises(
        UpdateError, match="number 2 is another signer's and runs here already; sign it with --counter 3"
    ):
        install(others, bench.places)
    assert install(mine, bench.places).endswith("number 2, is installed already")
    (bench.places.opt / "models/bundle").unlink()
    assert install(mine, bench.places).endswith("number 2, is installed already")


def test_a_damaged_copy_of_the_models_that_run_is_called_so_and_not_another_signers(bench: Bench) -> None:
    models(bench, 2)
    path = bench.folder / "models-2.update"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UpdateError, match="is no whole bundle"):
        install(path, bench.places)


ON_FULL_CARD = """
import os, pathlib, sys
from edge.errors import UpdateError
from edge.updates.install import install
from edge.updates.slots import Places
bundle, keys, script = (pathlib.Path(one) for one in sys.argv[1:])
try:
    install(bundle, Places(pathlib.Path(os.environ["DISK"]) / "opt", keys, script))
except UpdateError as why:
    print(why)
"""


def test_a_card_that_has_no_room_for_the_copy_of_a_bundle_is_named(bench: Bench) -> None:
    """It asked "is this root?"."""
    path, keys = bench.sign_models(["pests-int8"], 1), bench.places.keys
    told = run_on_small_disk("-c", ON_FULL_CARD, str(path), str(keys), str(SLOTS), size="512k")
    assert told.endswith("/opt/incoming (No space left on device); make room on the memory card\n")


def test_a_file_larger_than_any_bundle_is_not_copied_to_the_card(bench: Bench) -> None:
    path = bench.put("film.update", b"")
    os.truncate(path, MOST_BUNDLE_BYTES + 1)
    with pytest.raises(UpdateError, match="larger than 400 MB; it is no bundle of ours"):
        install(path, bench.places)


@pytest.fixture
def narrow_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("narrow_umask")
def test_what_a_shell_with_a_narrow_umask_installs_can_be_read_by_the_service(bench: Bench) -> None:
    models(bench, 1)
    for name in ("said", "models/bundle", "models/manifest.json"):
        assert (bench.places.opt / name).stat().st_mode & 0o777 == 0o644
    (bench.places.opt / "said").unlink()
    os.umask(0o077)
    assert main(["model", "rollback", *options(bench)]) == 0
    assert (bench.places.opt / "said").stat().st_mode & 0o777 == 0o644


def test_starts_that_ended_because_they_were_asked_to_are_not_bad(bench: Bench) -> None:
    models(bench, 1)
    for _ in range(9):
        bench.slots("starting")
        bench.slots("stopped", **ASKED)
    assert trial(bench.places, "models") == 0


def test_a_count_of_starts_that_cannot_be_read_goes_back(bench: Bench) -> None:
    models(bench, 1)
    file = bench.places.opt / "trial-models"
    file.write_text(file.read_text().replace(" 0", " p"))  # one flipped bit
    assert trial(bench.places, "models") == 0
    assert "the former runs again" in bench.slots("starting")
    assert running_counter(bench.places, "models") == 0


def test_a_power_cut_counts_as_a_bad_start_and_the_fourth_start_goes_back(bench: Bench) -> None:
    models(bench, 1)
    for _ in range(3):
        bench.slots("starting")  # and nothing more is heard of it
    assert running_counter(bench.places, "models") == 1
    assert "the former runs again" in bench.slots("starting")
    assert running_counter(bench.places, "models") == 0


def test_the_word_of_what_ran_before_the_switch_passes_no_trial(bench: Bench, begun: Begun) -> None:
    """It came a minute after its start, between the switch and its end; what never started then stayed for good."""
    begun.put(bench, one_and_two)
    bench.slots("healthy")
    assert (trial(bench.places, "software"), floor(bench.places, "venv")) == (0, 0)
    end_badly(bench)
    assert bench.runs() == "fieldeye 1.0"
    models(bench, 1)
    bench.slots("healthy")
    assert (trial(bench.places, "models"), floor(bench.places, "models")) == (0, 0)
    bench.prove()
    assert (trial(bench.places, "models"), floor(bench.places, "models")) == (None, 1)


def test_what_proved_itself_sets_the_least_number_that_is_accepted_from_then_on(bench: Bench) -> None:
    models(bench, 5)
    bench.prove()
    assert (trial(bench.places, "models"), floor(bench.places, "models")) == (None, 5)
    models(bench, 6)
    bench.prove()
    bench.slots("back", "models")
    assert running_counter(bench.places, "models") == 5  # the signed one before it
    for counter in (4, 6):
        with pytest.raises(UpdateError, match="not newer than 6"):
            models(bench, counter)
    models(bench, 7)


def test_while_one_is_on_trial_nothing_replaces_what_it_would_go_back_to(bench: Bench) -> None:
    models(bench, 1)
    bench.prove()
    models(bench, 2)
    with pytest.raises(UpdateBusyError, match="still on trial"):
        models(bench, 3)
    for _ in range(4):
        bench.slots("starting")
    assert running_counter(bench.places, "models") == 1


def test_a_trial_that_a_day_has_not_decided_makes_way_for_a_newer_bundle(bench: Bench) -> None:
    models(bench, 1)
    bench.prove()
    models(bench, 2)
    bench.slots("starting")  # and the model that was asked for is refused: nothing ends, and nothing is said
    a_day_passes(bench, "models")
    with pytest.raises(UpdateError, match="not newer than 2"):
        models(bench, 1)
    assert (running_counter(bench.places, "models"), trial(bench.places, "models")) == (2, 1)
    said = models(bench, 3)
    assert said.startswith("models number 2 was taken back, for a day on trial had not proved it; models ")
    assert said.endswith("from the next start on"), "the desk knows a good update by it"
    assert (running_counter(bench.places, "models"), trial(bench.places, "models")) == (3, 0)
    bench.slots("back", "models")
    assert running_counter(bench.places, "models") == 1


def test_of_software_and_models_on_trial_neither_makes_way_before_a_day_has_not_decided_both(
    bench: Bench, begun: Begun
) -> None:
    begun.put(bench, one_and_two)
    bench.prove()
    models(bench, 1)
    bench.prove()
    for _ in range(2):  # to the former, and to the newer again, by hand
        bench.slots("back", "venv")
        bench.slots("back", "models")
    a_day_passes(bench, "venv")
    with pytest.raises(UpdateBusyError, match="still on trial"):
        models(bench, 2)
    assert (trial(bench.places, "software"), trial(bench.places, "models")) == (0, 0)
    a_day_passes(bench, "models")
    why = "was taken back, for a day on trial had not proved it"
    assert models(bench, 2).startswith(f"software number 2 {why}; models number 1 {why}; models ")
    assert [running_counter(bench.places, kind) for kind in ("software", "models")] == [1, 2]


def a_day_passes(bench: Bench, link: str) -> None:
    day_before = time.time() - 90_000
    os.utime(bench.places.opt / link, (day_before, day_before), follow_symlinks=False)


@pytest.mark.parametrize(("comes_over_network", "code"), [(False, 1), (True, 0)])
def test_a_trial_that_made_way_for_a_bundle_that_is_refused_is_told_and_the_former_is_started(
    bench: Bench,
    begun: Begun,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    comes_over_network: bool,
    code: int,
) -> None:
    """It was called what still runs, and `status` named another number than the one that ran."""
    restarts, inbox = [], bench.folder / "inbox"
    monkeypatch.setattr("edge.cli.update.restart", lambda: restarts.append("now"))
    begun.put(bench, one_and_two)
    bench.slots("starting")
    a_day_passes(bench, "venv")
    inbox.mkdir()
    refused = bench.sign_thin("3.0", 3, lock_of=None).rename(inbox / "x.update")
    wanted = ["--inbox", str(inbox)] if comes_over_network else [str(refused)]
    assert main(["update", "install", *wanted, *options(bench)]) == code
    told = "software number 2 was taken back, for a day on trial had not proved it"
    assert f"send the whole one); what ran before still runs; {told}" in "".join(capsys.readouterr())
    assert (bench.runs(), restarts) == ("fieldeye 1.0", ["now"])


def test_a_bundle_that_cannot_be_unpacked_takes_no_trial_back(bench: Bench) -> None:
    models(bench, 1)
    a_day_passes(bench, "models")
    path = bench.sign_models(["pests-int8"], 2)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UpdateError, match="copy"):
        install(path, bench.places)
    assert (running_counter(bench.places, "models"), trial(bench.places, "models")) == (1, 0)


def test_an_installed_model_joins_those_before_it_and_is_found_first(bench: Bench) -> None:
    models(bench, 1)
    bench.prove()
    install(bench.sign_models(["diseases-int8"], 2), bench.places)
    installed = bench.places.opt / "models"
    assert models_folder("pests-int8", installed) == models_folder("diseases-int8", installed) == installed
    assert models_folder("pests", installed) == MODELS
    assert main(["model", "verify", "--folder", str(installed)]) == 0


def test_a_model_that_is_sent_with_another_golden_picture_runs_beside_one_that_was_judged_by_the_former(
    bench: Bench,
) -> None:
    """NAME and NAME-int8 share the name of their picture: the one that was sent was refused by the other's."""
    models(bench, 1)
    bench.prove()
    version, files = model_files(MODELS, ["pests"])
    table = json.loads(files["manifest.json"])
    files["golden/pests.jpg"] += b"\0"  # behind its end: the same to see, and another file
    table["bundles"]["pests"]["golden"]["sha256"] = hashlib.sha256(files["golden/pests.jpg"]).hexdigest()
    files["manifest.json"] = json.dumps(table).encode()
    for counter in (2, 3):  # and joins it once more
        path = bench.put(f"{counter}.update", signed_bundle("models", version, counter, files, bench.key))
        install(path, bench.places)
        bench.prove()
        assert main(["model", "verify", "--folder", str(bench.places.opt / "models")]) == 0
    assert sorted(load_manifest(bench.places.opt / "models").bundles) == ["pests", "pests-int8"]


def test_an_installed_model_that_cannot_be_read_does_not_keep_a_new_one_away(bench: Bench) -> None:
    models(bench, 1)
    bench.prove()
    (bench.places.opt / "models/pests-int8.onnx").unlink()
    install(bench.sign_models(["diseases-int8"], 2), bench.places)
    assert list(load_manifest(bench.places.opt / "models").bundles) == ["diseases-int8"]


def test_a_model_that_does_not_see_its_golden_picture_is_refused(bench: Bench) -> None:
    version, files = model_files(MODELS, ["pests-int8"])
    files["manifest.json"] = files["manifest.json"].replace(b'"label": "', b'"label": "Not ', 1)
    path = bench.put("blind.update", signed_bundle("models", version, 1, files, bench.key))
    with pytest.raises(UpdateError, match="must not run"):
        install(path, bench.places)
    assert running_counter(bench.places, "models") == 0


def test_a_model_that_needs_newer_software_is_refused_and_the_former_one_stays(bench: Bench) -> None:
    models(bench, 1)
    bench.prove()
    later = write_release(bench.folder / "later", {"pests-int8": Net(metadata=facts(tile=TILE | {"in_mm": True}))})
    path = bench.put("2.update", signed_bundle("models", "2", 2, model_files(later, [])[1], bench.key))
    with pytest.raises(UpdateError, match=r"tile\.in_mm\); update fieldeye first"):
        install(path, bench.places)
    assert running_counter(bench.places, "models") == 1


def test_a_bundle_for_another_machine_is_refused(bench: Bench) -> None:
    here = os.uname().machine
    there = "aarch64" if here == "x86_64" else "x86_64"
    files = {f"wheels/x-1-cp313-cp313-manylinux_2_28_{there}.whl": b""}
    path = bench.put("x.update", signed_bundle("software", "1", 1, files, bench.key))
    with pytest.raises(UpdateError, match=f"for {there} and this is {here}"):
        install(path, bench.places)


def with_a_name_that_cannot_be_read() -> bytes:
    """A ZIP that says its only member's name is UTF-8, which it is not."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as whole:
        whole.writestr("é", b"")
    return packed.getvalue().replace("é".encode(), b"\xff\xff")


@pytest.mark.parametrize("nonsense", [b"nonsense", with_a_name_that_cannot_be_read()])
def test_the_inbox_is_emptied_of_what_was_installed_and_of_what_was_refused(bench: Bench, nonsense: bytes) -> None:
    inbox = bench.folder / "inbox"
    inbox.mkdir()
    bench.sign_models(["pests-int8"], 1).rename(inbox / "a.update")
    (inbox / "b.update").write_bytes(nonsense)
    os.utime(inbox / "b.update", (0, 0))
    said = install_waiting(inbox, bench.places)
    version = load_manifest(MODELS).bundles["pests-int8"].version
    assert [sentence.split(":")[0].split(",")[0] for sentence in said] == ["refused", f"models {version}"]
    assert list(inbox.iterdir()) == []


def test_of_two_that_wait_the_first_is_started_and_the_second_waits_without_being_copied(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, restarts = bench.folder / "inbox", []
    inbox.mkdir()
    for counter in (1, 2):
        bench.sign_models(["pests-int8"], counter).rename(inbox / f"{counter}.update")
        os.utime(inbox / f"{counter}.update", (counter, counter))
    monkeypatch.setattr("edge.cli.update.restart", lambda: restarts.append("now"))
    places = options(bench)
    assert main(["update", "install", "--inbox", str(inbox), *places]) == 0
    assert (restarts, running_counter(bench.places, "models")) == (["now"], 1)
    monkeypatch.setattr("edge.updates.install._copy", lambda *_: pytest.fail("100 MB each minute"))
    with pytest.raises(UpdateBusyError):
        install_waiting(inbox, bench.places)
    assert [path.name for path in inbox.iterdir()] == ["2.update"]


@contextmanager
def installing(bench: Bench, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, held in the midst of installing the bundle; killed at the end with all that it started."""
    command = [sys.executable, "-m", "edge", "update", "install", str(path), *options(bench)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, **pipes, text=True, process_group=0) as other:
        try:
            wait_until(bench.places.incoming.exists, within_s=20)
            os.killpg(other.pid, signal.SIGSTOP)
            yield other
        finally:
            if other.poll() is None:
                os.killpg(other.pid, signal.SIGKILL)


def is_free(bench: Bench) -> bool:
    """Does nobody hold the lock?"""
    try:
        with alone(bench.places):
            return True
    except UpdateBusyError:
        return False


def one_with_a_library(bench: Bench, _: Begun) -> None:
    install(bench.sign_software("1.0", 1, library="a"), bench.places)


def test_what_came_over_the_network_waits_while_somebody_installs_from_a_stick(bench: Bench, begun: Begun) -> None:
    begun.put(bench, one_with_a_library)
    bench.prove()
    inbox = bench.folder / "inbox"
    inbox.mkdir()
    waiting = bench.sign_software("3.0", 3, library="c").rename(inbox / "a.update")
    with installing(bench, bench.sign_software("2.0", 2, library="b")) as other:
        with pytest.raises(UpdateBusyError, match=r"another bundle or setup\.sh is at work here; try again"):
            install_waiting(inbox, bench.places)
        assert waiting.exists()
        os.killpg(other.pid, signal.SIGCONT)
        said, _ = other.communicate(timeout=120)
        assert other.returncode == 0, said
    assert (bench.runs(), running_counter(bench.places, "software")) == ("fieldeye 2.0", 2)
    assert [path.name for path in (bench.places.opt / "venv").rglob("library_?.py")] == ["library_b.py"]
    bench.prove()
    install_waiting(inbox, bench.places)
    assert (bench.runs(), list(inbox.iterdir())) == ("fieldeye 3.0", [])


def test_an_installation_that_was_killed_keeps_nobody_waiting(bench: Bench) -> None:
    path = bench.sign_software("1.0", 1)
    with installing(bench, path):
        pass
    wait_until(lambda: is_free(bench), within_s=5)  # the kernel ends the last of those who were killed a moment later
    install(path, bench.places)
    assert bench.runs() == "fieldeye 1.0"


def test_nobody_goes_back_while_a_bundle_is_being_installed(
    bench: Bench, begun: Begun, capsys: pytest.CaptureFixture[str]
) -> None:
    begun.put(bench, one_and_two)
    bench.prove()
    for counter in (1, 2):
        models(bench, counter)
        bench.prove()
    for kind, command in (("software", ["update", "back"]), ("models", ["model", "rollback"])):
        with alone(bench.places):
            assert main([*command, *options(bench)]) == 1
        assert "another bundle or setup.sh is at work here; try again in some minutes" in capsys.readouterr().err
        assert running_counter(bench.places, kind) == 2
        assert main([*command, *options(bench)]) == 0
        assert running_counter(bench.places, kind) == 1


def test_only_its_owner_can_hold_the_lock(bench: Bench) -> None:
    with alone(bench.places):
        assert (bench.places.opt / "lock").stat().st_mode & 0o777 == 0o600


def test_where_no_lock_can_be_made_nothing_is_installed_and_the_bundle_stays(bench: Bench) -> None:
    inbox = bench.folder / "inbox"
    inbox.mkdir()
    waiting = bench.sign_models(["pests-int8"], 1).rename(inbox / "a.update")
    bench.put("opt", b"a file in the place of the folder")
    with pytest.raises(UpdateError, match="run this as root"):
        install_waiting(inbox, bench.places)
    assert waiting.exists()


def test_a_link_in_the_inbox_is_not_followed(bench: Bench) -> None:
    inbox = bench.folder / "inbox"
    inbox.mkdir()
    (inbox / "a.update").symlink_to("/etc/shadow")
    assert install_waiting(inbox, bench.places) == []


def test_the_commands_install_show_and_go_back(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    places = options(bench)
    assert main(["model", "install", str(bench.sign_models(["pests-int8"], 1)), *places]) == 0
    assert main(["update", "status", *places]) == 0
    assert "models: number 1, on trial after 0 starts; 2 or higher is accepted" in capsys.readouterr().out
    assert main(["model", "rollback", *places]) == 0
    assert running_counter(bench.places, "models") == 0
    with pytest.raises(UsageError, match="fieldeye update install"):
        install(bench.put("x.update", bench.sign_software("1.0", 1).read_bytes()), bench.places, only="models")


def test_a_thin_bundle_takes_the_libraries_that_run_and_no_others(bench: Bench, begun: Begun) -> None:
    """A fourth of the whole one over a metered line; the files are shared, so the card holds them once."""
    begun.put(bench, one_with_a_library)
    install(bench.sign_thin("2.0", 2, lock_of=1), bench.places)
    assert bench.runs() == "fieldeye 2.0"
    found = [next((bench.places.opt / slot).rglob("library_a.py")) for slot in ("venv-a", "venv-b")]
    assert found[0].samefile(found[1])
    bench.prove()
    with pytest.raises(UpdateError, match="send the whole one"):
        install(bench.sign_thin("3.0", 3, lock_of=None), bench.places)
    assert bench.runs() == "fieldeye 2.0"


def test_secrets_for_a_node_whose_name_cannot_be_read_are_refused_and_hold_up_no_other_bundle(bench: Bench) -> None:
    """One flipped bit in node.toml, which the node itself does without: every update waited behind them for ever."""
    places = replace(bench.places, etc=bench.folder / "etc")
    places.etc.mkdir()
    (places.etc / "node.toml").write_bytes(b'[node]\nsite = "s"\nnode = "\xe1"\n')
    content = signed_bundle("secrets", "1", 1, {SEALED: seal({}, bytes(32))}, bench.key, node="s/a")
    bench.put("inbox/0.update", content)
    assert "node.toml: does not say which node this is; copy" in install_waiting(places.inbox, places)[0]
    assert not list(places.inbox.iterdir())


@pytest.mark.parametrize("name", ["claim-code", "update-box", "../update-keys/another.pub"])
def test_a_secret_that_may_not_be_changed_from_afar_brings_no_other_along(tmp_path: Path, name: str) -> None:
    etc, content, key = tmp_path / "etc", tmp_path / "content", bytes(32)
    for folder in (etc / "secrets", etc / "update-keys", content):
        folder.mkdir(parents=True)
    (etc / "node.toml").write_text('[node]\nsite = "s"\nnode = "a"\n')
    (etc / "secrets" / KEY).write_text(key.hex())
    (content / SEALED).write_bytes(seal({"mqtt-password": "new", name: "mine"}, key))
    with pytest.raises(UpdateError, match="is no secret that may be changed from afar"):
        install_secrets(content, Manifest(format=1, kind="secrets", version="1", counter=1, node="s/a", files={}), etc)
    assert sorted(path.name for path in etc.rglob("*") if path.is_file()) == ["node.toml", KEY]
