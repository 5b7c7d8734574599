"""The weekly run and its report: what cannot be tried before it is on GitHub, checked as far as a file shows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
WEEKLY = yaml.safe_load((ROOT / ".github" / "workflows" / "weekly.yml").read_text(encoding="utf-8"))
JOBS: dict[str, Any] = WEEKLY["jobs"]
REPORT = (ROOT / ".ci" / "report").read_text(encoding="utf-8")
URL = "https://github.com/a/b/actions/runs/1"


def test_when_it_runs() -> None:
    # `on` is YAML 1.1's word for true.
    assert set(WEEKLY[True]) == {"schedule", "workflow_dispatch"}
    ((minute, hour, day, month, weekday),) = [entry["cron"].split() for entry in WEEKLY[True]["schedule"]]
    assert 0 < int(minute) < 60
    assert 0 <= int(hour) < 24
    assert (day, month) == ("*", "*")
    assert weekday in "0123456"


def test_only_the_report_may_write() -> None:
    assert WEEKLY["permissions"] == {"contents": "read"}
    written = {name: job["permissions"] for name, job in JOBS.items() if "permissions" in job}
    assert written == {"report": {"contents": "read", "issues": "write"}}


def test_colab_s_image_runs_the_rehearsal() -> None:
    assert JOBS["colab"]["container"] == {"image": "us-docker.pkg.dev/colab-images/public/runtime:latest"}
    *_, command = [step["run"] for step in JOBS["colab"]["steps"] if "run" in step]
    python, script, option = command.split()
    assert python == "python3"
    shown = subprocess.run([sys.executable, ROOT / script, "--help"], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert option in shown.stdout


def test_the_mutations_that_make_test_leaves_out_are_run() -> None:
    check = (ROOT / "tools" / "check.py").read_text(encoding="utf-8")
    assert '"-m", "not site and not weekly"' in check
    *_, command = [step["run"] for step in JOBS["mutations"]["steps"] if "run" in step]
    assert "-m pytest " in command
    assert command.endswith(' -m "weekly and not site" tests')


def test_the_whole_course_is_built_in_both_languages_and_printed() -> None:
    (step,) = [step for step in JOBS["newest"]["steps"] if "check.py" in step.get("run", "")]
    assert step["env"]["D2LCNN_WHOLE_COURSE"] == "1"
    asked = (ROOT / "tests" / "site" / "published.py").read_text(encoding="utf-8")
    assert 'os.environ.get("D2LCNN_WHOLE_COURSE") == "1"' in asked
    check = (ROOT / "tools" / "check.py").read_text(encoding="utf-8")
    assert (
        'SITE_TESTS = "site" if os.environ.get("D2LCNN_WHOLE_COURSE") == "1" else "site and not weekly"'
        in check
    )
    assert '"-m", SITE_TESTS, "tests/site"' in check


def test_the_report_follows_every_other_job() -> None:
    report = JOBS["report"]
    assert set(report["needs"]) == set(JOBS) - {"report"}
    for job in report["needs"]:
        assert f"needs.{job}.result != 'success'" in report["if"]
    # Without it, a failed job would skip this one.
    assert "always()" in report["if"]
    (step,) = [step for step in report["steps"] if "run" in step]
    used = set(re.findall(r"\$([A-Z_]+)", REPORT))
    assert used | {"GH_TOKEN", "GH_REPO"} == set(step["env"])


@pytest.mark.parametrize("open_issue", ["", "12"])
def test_one_open_issue(tmp_path: Path, open_issue: str) -> None:
    gh = tmp_path / "gh"
    # Each argument with its end marked, since one of them has lines.
    gh.write_text(
        f'#!/bin/sh\nprintf "%s;" "$@" >>{tmp_path}/called\necho >>{tmp_path}/called\n'
        f'if [ "$2" = list ]; then echo "{open_issue}"; fi\n'
    )
    gh.chmod(0o755)
    done = subprocess.run(
        ["bash", ROOT / ".ci" / "report"],
        env={
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
            "RUN_URL": URL,
            "COLAB": "failure",
            "NEWEST": "success",
            "MUTATIONS": "cancelled",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    called = (tmp_path / "called").read_text()
    listed, said = called.split("\n", 1)
    assert listed.startswith("issue;list;--state;open;")
    assert '.title == "The weekly run failed"' in listed
    if open_issue:
        assert said.startswith("issue;comment;12;--body;")
    else:
        assert said.startswith("issue;create;--title;The weekly run failed;--body;")
    assert URL in said
    assert "Colab's image: failure" in said
    assert "newest dependencies: success" in said
    assert "a chapter must notice, and other tests that take long: cancelled" in said
    assert said.count("issue;") == 1


def test_report_fails_where_gh_fails(tmp_path: Path) -> None:
    gh = tmp_path / "gh"
    gh.write_text("#!/bin/sh\necho 'HTTP 403' >&2\nexit 1\n")
    gh.chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "RUN_URL": URL}
    done = subprocess.run(
        ["bash", ROOT / ".ci" / "report"],
        env={**environment, "COLAB": "failure", "NEWEST": "failure", "MUTATIONS": "failure"},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "HTTP 403" in done.stderr
    # A result that is not passed on is an error too, not an empty word.
    assert subprocess.run(["bash", ROOT / ".ci" / "report"], env=environment, capture_output=True).returncode
