"""`fieldeye update` on a machine whose slots lie elsewhere."""

from hashlib import sha256
from pathlib import Path

import pytest

from edge.cli import main
from edge.updates.inbox import Inbox, Request
from edge.updates.install import install
from tests.ports import free_port
from tests.updates.bundles import Bench


def test_what_came_by_a_stick_meanwhile_into_the_slots_that_are_named_is_not_fetched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench, folder = Bench(tmp_path), tmp_path / "inbox"
    folder.mkdir()
    bundle = bench.sign_models(["pests-int8"], 1)
    content = bundle.read_bytes()
    url = f"http://127.0.0.1:{free_port()}/models.update"  # which nobody serves
    Inbox(folder, bench.places).ask_for(Request(url=url, sha256=sha256(content).hexdigest(), bytes=len(content)))
    install(bundle, bench.places)
    assert main(["update", "fetch", "--inbox", str(folder), "--opt", str(bench.places.opt)]) == 0
    assert capsys.readouterr().out == "1 fetched\n"
