"""Names of areas beside their codes: kept from a station's own list, and read wherever a place is told."""

import csv
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from io import StringIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from edge.cli import platform_main
from edge.errors import StoreError
from edge.platform.alerts.telling_people import tell_people
from edge.platform.areas.area_names import MOST_LETTERS, keep_names, names_within, told
from edge.platform.areas.report import html
from edge.platform.areas.week import week
from edge.platform.database import Database, open_database
from edge.platform.desk import create_app
from tests.platform.desk.visitors import log_in, three_nodes
from tests.platform.fleet import FIRST, Fleet
from tests.platform.test_report import MADE
from tests.platform.test_standing_alerts import TOLD, says
from tests.platform.test_telling_people import (
    LATER,
    Hook,
    hook,
    levels,
    mail_server,
    subject_of,
    tell_at_first,
    text_of,
)
from tests.waiting import wait_until

__all__ = ["hook"]
NAMES = {"3301": "杭州市", "330106": "西湖区", "330106011": "三墩镇", "330106011002": "新民村", "42": "湖北省"}


def keep(tmp_path: Path, url: str, content: bytes) -> int:
    (tmp_path / "names.csv").write_bytes(content)
    return platform_main(["areas", "--database", url, "--names", str(tmp_path / "names.csv")])


def test_a_list_of_codes_and_names_is_kept_as_excel_writes_it_and_a_name_is_changed_or_taken_back(
    database: Database, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = "\ufeffcode,name\r\n330106000000, 西湖区 \r\n330100,杭州市\r\n330106011,Sandun\r\n"
    assert keep(tmp_path, url, first.encode()) == 0
    assert names_within(database, "33") == [("3301", "杭州市"), ("330106", "西湖区"), ("330106011", "Sandun")]
    assert keep(tmp_path, url, "code,name\n330106011,三墩镇\n3301,\n".encode()) == 0
    assert names_within(database, "33") == [("330106", "西湖区"), ("330106011", "三墩镇")]
    assert platform_main(["areas", "--database", url]) == 0
    assert capsys.readouterr().out.splitlines() == [f"areas with a name: {many}" for many in (3, 2, 2)]


def test_of_two_lists_at_once_the_later_one_holds(database: Database, url: str) -> None:
    with open_database(url) as other, ThreadPoolExecutor() as pool:
        with database.transaction():
            keep_names(database, NAMES)
            later = pool.submit(keep_names, other, {"42": "湖北"})
            wait_until(lambda: bool(database.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall()), 5)
        later.result()
    assert names_within(database, "42") == [("42", "湖北")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("code,name\n330106,西湖区\n".encode("gbk"), "names.csv: cannot be read; give a CSV in UTF-8"),
        (b"code,name\n33,a\n3301060,b\n", "names.csv:3: area '3301060' is no area code; give 2, 4, 6, 9 or 12 digits"),
        (b"code,name\n3.30106E+11,b\n", "names.csv:2: area '3.30106E+11' is no area code"),
        (b"code;name\n33;a\n", "names.csv:2: code or name is missing; give a CSV with the columns code,name"),
        (b"code,name\n33,a\n,b\n", "names.csv:3: code or name is missing"),
        (b"code,name\n3301,a\n330100,b\n", "names.csv:3: 330100 stands in an earlier line with another name"),
        (b"code,name\n33,a\0b\n", "names.csv:2: a name has at most"),
        (f"code,name\n33,{'a' * (MOST_LETTERS + 1)}\n".encode(), "names.csv:2: a name has at most"),
        (b"code,name\n330106,West Lake, Hangzhou\n", "names.csv:2: has more cells than columns; give a CSV with code,"),
        (b"code,name\n", "names.csv: holds no area"),
    ],
)
def test_a_list_that_cannot_be_taken_is_refused_whole_with_its_line(
    content: bytes, says: str, database: Database, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keep(tmp_path, url, content) == 2
    assert says in capsys.readouterr().err
    assert names_within(database, "") == []


@pytest.mark.parametrize(
    ("area", "called"),
    [
        ("330106011002", "新民村 (330106011002)"),
        ("330106011000", "三墩镇 (330106011000)"),
        ("330106011003", "三墩镇 › 330106011003"),
        ("330106", "西湖区 (330106)"),
        ("330106012", "西湖区 › 330106012"),
        ("33", None),
        ("000000000000", None),
        ("", None),
    ],
)
def test_an_area_without_a_name_stands_below_the_nearest_that_has_one(
    area: str, called: str | None, database: Database
) -> None:
    keep_names(database, NAMES)
    assert database.execute("SELECT area_called(%s)", (area,)).fetchone() == (called,)


def test_names_stand_at_the_desk_wherever_a_place_does_and_areas_are_chosen_by_them(
    database: Database, url: str
) -> None:
    fleet = three_nodes(database)  # a and b in a township, c in the next one
    for node in "ab":
        says(fleet, node, TOLD)
    client = create_app(url).test_client()
    log_in(client, "county")
    pages = {page: client.get(page).text for page in ("/", "/alerts", "/nodes", "/questions")}
    keep_names(database, NAMES | {"330106012": "<b>"})
    village, below, escaped = "新民村 (330106011002)", "三墩镇 › 330106011003", "&lt;b&gt; › 330106012001"
    page = client.get("/").text
    assert "<h1>西湖区 (330106)</h1>" in page
    assert told(database, "330106") == "西湖区 (330106), 3 nodes"
    assert re.findall(r'<th scope="row"><a [^>]*>(.*?)</a>', page) == ["&lt;b&gt; (330106012)", "三墩镇 (330106011)"]
    assert re.findall(r"s/[abc]</th>.*?<td>([^<]*)</td></tr>", page) == [escaped, below, village]
    offered = re.findall(r'<option value="(\d+)">(.*?)</option>', page)
    assert offered == [
        ("330106", "西湖区"),
        ("330106011", "三墩镇"),
        ("330106012", "&lt;b&gt;"),
        ("330106011002", "新民村"),
    ]
    assert '<input name="area" value="330106" size="9" list="names">' in page
    for area in ("330106011", " 三墩镇 ", "三墩镇 (330106011)", "三墩镇（330106011）"):
        assert "<h1>三墩镇 (330106011)</h1>" in client.get("/", query_string={"area": area}).text
    assert f"<h1>{below}</h1>" in client.get("/", query_string={"area": below}).text
    names = [name for name, *_ in client.get("/api/map").json["places"]]
    assert names == ["s/c, <b> › 330106012001", f"s/b, {below}", f"s/a, {village}"]
    for page in ("/alerts", "/nodes"):
        assert village in client.get(page).text
        assert below in client.get(page).text
    assert all(place in client.get("/questions").text for place in (village, below, escaped))
    assert "西湖区 (330106)" in client.get("/?area=33").text, "what one may see"
    keep_names(database, dict.fromkeys([*NAMES, "330106012"], ""))
    assert {page: client.get(page).text for page in pages} == pages, "as before"


def test_an_area_is_found_in_whatever_letters_and_of_two_of_one_name_one_is_chosen(
    database: Database, url: str
) -> None:
    three_nodes(database)
    keep_names(database, NAMES | {"330106011": "Sandun", "330106011002": "Xinmin", "330106012002": "Xinmin（2）"})
    client = create_app(url).test_client()
    log_in(client, "county")

    def asked(area: str) -> tuple[int, str]:
        answer = client.get("/", query_string={"area": area, "first": "2026-07-01", "last": "2026-07-02"})
        (title,) = re.findall("<h1>(.*?)</h1>", answer.text)
        return answer.status_code, title

    assert asked("sandun") == (200, "Sandun (330106011)")
    assert asked("Xinmin（2）") == (200, "Xinmin（2） (330106012002)")
    assert asked("Nowhere") == (400, "No area has this name: give another name, or an area code.")
    assert asked("3301060") == (400, "An area code has 2, 4, 6, 9 or 12 digits.")
    keep_names(database, {"330106012": "湖州", "330106012001": "xinmin", "330206001001": "Xinmin"})
    assert asked("Xinmin") == (300, "Several areas have this name: choose one.")
    page = client.get("/?area=Xinmin&first=2026-07-01&last=2026-07-02").text
    choices = re.findall('<li><a href="([^"]*area=[^"]*)">(.*?)</a>', page)
    assert [says for _, says in choices] == [
        "Xinmin (330106011002), Sandun (330106011)",
        "xinmin (330106012001), 湖州 (330106012)",
    ], "of those that the reader sees"
    chosen = client.get(unescape(choices[1][0])).text
    assert ("<h1>xinmin (330106012001)</h1>" in chosen, 'name="last" value="2026-07-02"' in chosen) == (True, True)


def test_a_person_reads_the_names_and_changes_none(database: Database) -> None:
    keep_names(database, NAMES)
    database.execute("SELECT add_reader('town_011', '330106011')")
    with database.transaction(force_rollback=True):
        database.execute("SET LOCAL ROLE town_011")
        assert len(names_within(database, "")) == len(NAMES)
        with pytest.raises(StoreError, match="permission denied"), database.transaction():
            keep_names(database, {"33": "x"})


def test_a_report_names_its_area_and_where_nodes_are_silent_or_tell_an_alert(fleet: Fleet) -> None:
    fleet.counts("a", 0)
    fleet.counts("b", 1)
    levels(fleet, "a", "act", first=9)
    fleet.sum_up()
    keep_names(fleet.database, NAMES)
    page = html(week(fleet.database, "330106", FIRST, FIRST + timedelta(days=1)), [], MADE)
    assert page.count("西湖区 (330106)") == 2, "title and first line"
    assert "at s/a, 新民村 (330106011002), 2026-07-0" in page
    assert re.findall(r"s/([ab])</th><td>(.*?)</td>", page) == [
        ("a", "新民村 (330106011002)"),
        ("b", "三墩镇 › 330106011003"),
    ]
    assert "杭州市 › 330108" in html(week(fleet.database, "330108", FIRST, FIRST), [], MADE)
    assert "County 110101" in html(week(fleet.database, "110101", FIRST, FIRST), [], MADE)


def test_alerts_go_out_with_the_name_of_their_place(fleet: Fleet, hook: Hook) -> None:
    keep_names(fleet.database, NAMES)
    tell_at_first(fleet, hook.address)
    for language in ("en", "zh"):
        tell_at_first(fleet, f"{language}@example.org", "email", language=language)
    levels(fleet, "a", "act")
    levels(fleet, "d", "act")
    with mail_server() as (server, letters):
        tell_people(fleet.database, server, LATER, {})
    assert {one["area_code"]: one.get("area") for one in hook.told} == {
        "330106011002": "新民村 (330106011002)",
        "330108001001": "杭州市 › 330108001001",
    }
    subjects = {subject_of(letter) for letter in letters}
    assert "act: Plutella xylostella at s/a, 新民村 (330106011002)" in subjects
    assert "需要行动：小菜蛾 (Plutella xylostella)，s/a, 新民村 (330106011002)" in subjects
    assert any("\n统计用区划代码 330106011002\n" in text_of(letter) for letter in letters)


def test_files_for_people_have_the_name_of_a_place(fleet: Fleet, url: str, tmp_path: Path) -> None:
    fleet.place("a", latitude_deg=30.25, longitude_deg=120.5)
    for node in "a":
        fleet.counts(node, 0)
    keep_names(fleet.database, NAMES)
    for ending, form in (("csv", "csv"), ("geojson", "geojson"), ("zip", "darwin-core"), ("d", "camtrap-dp")):
        out = tmp_path / f"out.{ending}"
        assert platform_main(["export", "--database", url, "--format", form, "--out", str(out)]) == 0
    with ZipFile(tmp_path / "out.zip") as archive:
        events = archive.read("event.csv").decode()
    deployments = (tmp_path / "out.d" / "deployments.csv").read_text("utf-8")
    tables = {"area_name": (tmp_path / "out.csv").read_text("utf-8"), "locality": events, "locationName": deployments}
    for column, table in tables.items():
        assert next(csv.DictReader(StringIO(table)))[column] == "新民村 (330106011002)"
    (feature,) = json.loads((tmp_path / "out.geojson").read_text("utf-8"))["features"]
    assert feature["properties"]["area_name"] == "新民村 (330106011002)"
