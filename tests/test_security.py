"""What may stand in no file: a shell, code or objects out of data, SQL made of values."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = sorted(file for package in ("edge", "training", "firmware_config") for file in (ROOT / package).rglob("*.py"))
OBJECTS_FROM_DATA = {"pickle", "marshal", "shelve", "dill", "joblib"}
LOADS = {"load", "loads", "Unpickler", "open"}
FORBIDDEN = {"eval", "exec", "os.system", "os.popen", "subprocess.getoutput", "yaml.load", "yaml.unsafe_load"}
# Conditions and columns written in the same file; a PRAGMA takes no parameters, and its numbers are the node's own
OWN_WORDS = {"COLUMNS", "_COLUMNS", "where", "newest"}


def calls(file: Path) -> Iterator[tuple[str, ast.Call]]:
    """Each call with what is called, `os.system` for `os.system(…)`."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keyword(call: ast.Call, name: str) -> object:
    return next(
        (one.value.value for one in call.keywords if one.arg == name and isinstance(one.value, ast.Constant)), None
    )


def test_no_file_runs_a_shell_or_makes_code_or_objects_out_of_data() -> None:
    assert len(FILES) > 150
    for file in FILES:
        for called, call in calls(file):
            where = f"{file.relative_to(ROOT)}:{call.lineno}"
            assert called not in FORBIDDEN, f"{where}: {called}"
            assert called not in {f"{module}.{load}" for module in OBJECTS_FROM_DATA for load in LOADS}, where
            assert keyword(call, "shell") is not True, f"{where}: shell=True"
            assert keyword(call, "allow_pickle") is not True, f"{where}: allow_pickle=True"
            if called == "torch.load":
                assert keyword(call, "weights_only") is True, f"{where}: torch.load without weights_only=True"


def test_values_reach_a_statement_as_parameters_only() -> None:
    for file in sorted((ROOT / "edge" / "store").rglob("*.py")):
        for called, call in calls(file):
            runs = called.rpartition(".")[2] in ("execute", "executemany", "executescript") and call.args
            if runs and not ast.unparse(call.args[0]).startswith(("f'PRAGMA ", "'PRAGMA ")):
                for part in ast.walk(call.args[0]):
                    if isinstance(part, ast.FormattedValue):
                        assert ast.unparse(part.value) in OWN_WORDS, f"{file.name}:{call.lineno}"
                    assert not isinstance(part, ast.Mod | ast.Add), (
                        f"{file.name}:{call.lineno}: a statement put together"
                    )
                    assert not (isinstance(part, ast.Attribute) and part.attr == "format"), f"{file.name}:{call.lineno}"
