"""Static files: bundled, compressed, cached for ever, and never older than their sources."""

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import brotli
import pytest
import requests

from chat.web.built_files import ADDRESS, FOLDER, BuiltFiles, digest_of_sources
from tests.support.built import bring_up_to_date, build
from tests.support.processes import ROOT, AppProcess, new_database
from tests.support.waiting import SECONDS

DECODE = {"identity": bytes, "gzip": gzip.decompress, "br": brotli.decompress}
NAMES = ("main.js", "visitor.js", "style.css", "admin.css", "icons.svg", "socket.io.esm.min.js")
PARTS = ("chat", "templates", "translations", "static", "build")
SINGLE = ("app.py", "wsgi.py", "gunicorn.conf.py", "package.json", "package-lock.json")


def fetch(server: AppProcess, address: str, accepted: str = "", **headers: str) -> tuple:
    """The answer and its body as it was sent."""
    headers |= {"Accept-Encoding": accepted}
    answer = requests.get(server.url + address, headers=headers, stream=True, timeout=SECONDS)
    return answer, answer.raw.read(decode_content=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project in another folder, to be changed; not built."""
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("dist"))
    for name in SINGLE:
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "node_modules").symlink_to((ROOT / "node_modules").resolve())
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_the_same_in_every_encoding_and_may_be_kept_for_ever(server, name):
    address = BuiltFiles().address(name)
    found = {encoding: fetch(server, address, encoding) for encoding in DECODE}
    plain = found["identity"][1]
    assert len(plain) > 300
    for encoding, (answer, sent) in found.items():
        is_small = encoding not in BuiltFiles().get(address.removeprefix(ADDRESS)).compressed
        expected = None if encoding == "identity" or is_small else encoding
        assert answer.headers.get("Content-Encoding") == expected
        assert (DECODE[encoding] if expected else bytes)(sent) == plain
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Content-Length"] == str(len(sent))
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    kind = found["br"][0].headers["Content-Type"].partition(";")[0]
    assert kind == types[Path(name).suffix]


def test_an_etag_belongs_to_one_encoding_and_is_answered_with_304(server):
    address = BuiltFiles().address("main.js")
    tags = {one: fetch(server, address, one)[0].headers["ETag"] for one in DECODE}
    assert len(set(tags.values())) == len(DECODE)
    for encoding, tag in tags.items():
        again, body = fetch(server, address, encoding, **{"If-None-Match": tag})
        assert (again.status_code, body) == (304, b"")
        assert again.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("BR", "br"),
        ("*", "br"),
        ("*;q=0", None),
        ("br;q=nonsense, x;;=, ,", None),
        ("deflate", None),
        ("", None),
    ],
)
def test_the_encoding_is_one_that_the_browser_accepts(server, accepted, chosen):
    answer, _ = fetch(server, BuiltFiles().address("main.js"), accepted)
    assert answer.headers.get("Content-Encoding") == chosen


def test_a_head_request_is_told_what_a_get_would_be(server):
    address, headers = BuiltFiles().address("main.js"), {"Accept-Encoding": "br"}
    told = requests.head(server.url + address, headers=headers, timeout=SECONDS)
    answer, _ = fetch(server, address, "br")
    for name in ("Content-Length", "Content-Encoding", "ETag", "Cache-Control", "Vary"):
        assert told.headers[name] == answer.headers[name]


def test_pages_name_only_built_files_and_all_of_them_are_there(server, owner):
    visitor = requests.get(f"{server.url}/login", timeout=SECONDS).text
    channel = owner.get("/api/channels").json()["channels"][0]
    inside = [owner.get(f"/channels/{channel['slug']}").text, owner.get("/admin/status").text]
    addresses = set(re.findall(r'/static/[^"#]+', "".join([visitor, *inside])))
    assert len(addresses) >= len(NAMES)
    for address in addresses:
        assert address.startswith(ADDRESS)
        assert fetch(server, address)[0].headers["Cache-Control"].endswith("immutable")


def test_a_page_of_another_version_gets_the_present_file_for_once(server):
    present = BuiltFiles().address("style.css")
    answer, sent = fetch(server, re.sub(r"-\w{8}\.", "-0A0A0A0A.", present))
    assert sent == fetch(server, present)[1]
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing-0A0A0A0A.js", "manifest.json", "style.css.br", "-.css"])
def test_what_was_not_built_is_not_there(server, name):
    assert fetch(server, f"{ADDRESS}{name}")[0].status_code == 404


def test_the_files_under_test_are_those_of_the_sources():
    assert not BuiltFiles().is_stale()
    assert all((FOLDER / f"{path.name}.br").exists() for path in FOLDER.glob("main-*.js"))


def test_a_build_is_stale_as_soon_as_a_source_is_changed_added_or_gone(copy):
    build(copy)
    built = BuiltFiles(copy / "static" / "dist")
    assert built.sources == digest_of_sources(copy)
    changes = [
        lambda: (copy / "static/css/base.css").write_text("a { color: red }", encoding="utf-8"),
        lambda: (copy / "static/js/logic/new.js").write_text("export {};", encoding="utf-8"),
        lambda: (copy / "static/js/logic/new.js").unlink(),
        lambda: (copy / "static/icons.txt").write_text("x\n", encoding="utf-8"),
    ]
    seen = {built.sources}
    for change in changes[:2]:
        change()
        assert digest_of_sources(copy) not in seen
        seen.add(digest_of_sources(copy))
    changes[2]()
    changes[3]()
    assert digest_of_sources(copy) not in seen
    build(copy)
    again = BuiltFiles(copy / "static" / "dist")
    assert again.sources == digest_of_sources(copy)
    assert again.address("style.css") != built.address("style.css")
    assert again.address("first-view.js") == built.address("first-view.js")
    assert again.get(built.address("style.css").removeprefix(ADDRESS)) is None


def test_stale_files_are_built_again_before_the_tests(copy, monkeypatch):
    monkeypatch.setattr("tests.support.built.ROOT", copy)
    bring_up_to_date()
    first = BuiltFiles(copy / "static" / "dist")
    manifest = copy / "static" / "dist" / "manifest.json"
    made = manifest.stat().st_mtime_ns
    bring_up_to_date()
    assert manifest.stat().st_mtime_ns == made  # nothing to do
    with (copy / "static/css/base.css").open("a", encoding="utf-8") as sheet:
        sheet.write("b { color: blue }")
    bring_up_to_date()
    assert BuiltFiles(copy / "static" / "dist").address("style.css") != first.address("style.css")


def start(folder: Path, mongod, **env: str) -> AppProcess:
    app = AppProcess(folder, MONGODB_URI=new_database(mongod.uri), **env)
    app.root = folder
    return app


def test_without_a_build_the_start_is_refused_in_one_line(copy, mongod):
    app = start(copy, mongod)
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "wsgi:app"],
        env=app.env, cwd=copy, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode != 0
    told = [line for line in (done.stdout + done.stderr).splitlines() if "INFO" not in line]
    assert len(told) == 1
    assert "not built" in told[0]
    assert "npm run build" in told[0]


def test_development_says_when_the_build_is_older_than_its_sources(copy, mongod, valkey):
    build(copy)
    (copy / "static/css/base.css").write_text("a { color: red }", encoding="utf-8")
    app = start(copy, mongod, REDIS_URL=valkey.url_of(0)).start()
    try:
        assert "static/dist is older than its sources" in app.tail()
        style = re.search(r"/static/dist/style[^\"]+", requests.get(app.url + "/setup").text)[0]
        build(copy)
        os.utime(copy / "static/dist/manifest.json")
        page = requests.get(app.url + "/setup", timeout=SECONDS).text
        assert style not in page  # a server for development takes the new build
        assert (
            "color:red"
            in requests.get(
                app.url + re.search(r"/static/dist/style[^\"]+", page)[0], timeout=SECONDS
            ).text
        )
    finally:
        app.kill()
