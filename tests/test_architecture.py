"""The layout is the architecture: imports point one way, and heavy libraries stay at their owner."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
EDGE = ROOT / "edge"
ORDER = (
    "__init__ errors parser config_mistakes config clock backoff client_id mqtt_client durable changes boxes "
    "detections ranges cameras onnx_metadata bundle seams snug detector golden updates fallback bench gate tracker "
    "trap leaf leaf_network calibration counts label_sets nights weather count_agreement census tally eye taxa "
    "languages advice wire introduction exports board status store excerpt mqtt climate draw faces annotations "
    "photographs label support page power loop pipeline node app cli __main__ platform"
).split()
PLATFORM_MAY = set("client_id mqtt_client durable errors clock counts taxa languages wire platform".split())
OWNERS = {
    "onnxruntime": {"detector"},
    "paho": {"mqtt_client", "mqtt", "climate", "platform"},  # node, weather station, subscriber
    "flask": {"languages", "page", "platform"},
    "flask_babel": {"languages", "page", "platform"},
    "waitress": {"page", "platform"},
    "argon2": {"page"},
    "prometheus_client": {"page", "platform"},
    "nacl": {"updates"},
    "sqlite3": {"store"},
    "cbor2": {"wire"},
    "pyarrow": {"exports"},
    "psycopg": {"platform"},
    "pika": {"platform"},
    "weasyprint": {"platform"},
    "bme280": {"climate"},
    "smbus2": {"climate"},
    "picamera2": {"cameras"},
    "libcamera": {"cameras"},
}


def module_of(path: Path) -> str:
    return path.relative_to(EDGE).parts[0].removesuffix(".py")


@cache
def imported(path: Path) -> frozenset[str]:
    """Dotted names of each import anywhere in the file, `edge.page.names` for `from edge.page import names`."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {f"{n.module}.{a.name}" for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names}
    assert not any(isinstance(n, ast.ImportFrom) and n.level for n in nodes), (
        f"{path.name}: relative imports hide the order"
    )
    return frozenset(names)


def within_edge(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(path) if name.startswith("edge.")} - {"__version__"}


EDGE_FILES = sorted(EDGE.rglob("*.py"))


def test_a_module_imports_only_what_stands_before_it() -> None:
    homeless = {module_of(path) for path in EDGE_FILES} - set(ORDER)
    assert not homeless, "give it a place in ORDER and in the list of README.md"
    wrong = {}
    for path in EDGE_FILES:
        own = module_of(path)
        later = {name for name in within_edge(path) if ORDER.index(name) > ORDER.index(own)}
        wrong[str(path.relative_to(ROOT))] = later - ({"platform"} if own == "cli" else set())  # it knows both sides
    assert len(wrong) > 300
    assert {path: later for path, later in wrong.items() if later} == {}, "move the code, or pass it in"


def test_heavy_libraries_stay_at_their_owner() -> None:
    strays = {}
    for path in EDGE_FILES:
        roots = {name.split(".")[0] for name in imported(path)}
        strays[str(path.relative_to(ROOT))] = {
            library: OWNERS[library] for library in roots & OWNERS.keys() if module_of(path) not in OWNERS[library]
        }
    assert {path: whose for path, whose in strays.items() if whose} == {}


def test_edge_knows_nothing_of_training_or_firmware() -> None:
    foreign = {
        str(path.relative_to(ROOT)): name
        for path in EDGE_FILES
        for name in imported(path)
        if name.split(".")[0] in {"training", "firmware_config", "torch", "tests"}
    }
    assert foreign == {}


def test_the_platform_side_knows_only_the_contract() -> None:
    seen = set().union(*(within_edge(path) for path in (EDGE / "platform").rglob("*.py")))
    assert seen <= PLATFORM_MAY


def test_training_takes_from_edge_only_what_detects_and_how_a_file_is_kept_whole() -> None:
    detects = "boxes detections ranges onnx_metadata bundle detector bench count_agreement taxa cameras draw"
    allowed = {"errors", "durable", "leaf_network", *detects.split()}
    for path in (ROOT / "training").rglob("*.py"):
        assert within_edge(path) <= allowed, path.name


def test_firmware_takes_from_edge_only_errors_configuration_client_ids_and_what_it_signs() -> None:
    for path in (ROOT / "firmware_config").rglob("*.py"):
        assert within_edge(path) <= {"errors", "config", "client_id", "updates", "label", "parser"}, path.name


def test_only_two_handlers_in_the_product_are_broad() -> None:
    broad = []
    for path in EDGE_FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ExceptHandler):
                continue
            name = node.type.id if isinstance(node.type, ast.Name) else None
            if node.type is None or name in {"Exception", "BaseException"}:
                broad.append(str(path.relative_to(EDGE)))
    assert sorted(broad) == ["app.py", "cli/__init__.py"]
