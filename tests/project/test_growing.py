"""The page "Growing": each fault that it lists has its test, and its scripts can be read."""

import ast
import re
import shlex
import subprocess
from pathlib import Path

import nbformat
import pytest
import yaml

from d2lcnn.cli import program

ROOT = Path(__file__).parents[2]
TEXT = "\n".join(
    cell.source
    for cell in nbformat.read(ROOT / "book/growing.ipynb", 4).cells
    if cell.cell_type == "markdown"
)
FAULTS = [
    line
    for line in TEXT.partition("## Faults that were tried")[2].splitlines()
    if line.startswith("| ") and not line.startswith("| what was done")
]


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("row", FAULTS, ids=range(len(FAULTS)))
def test_each_fault_names_a_test_that_there_is(row):
    done, outcome = (part.strip() for part in row.strip("|").split("|"))
    happened, test = outcome.split("<br>")
    assert done
    assert happened
    path, name = test.strip("`").split("::")
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_are_faults_of_each_kind():
    kinds = (
        "killed",
        "disk full",
        "read-only",
        "checkpoint cut",
        "data files damaged",
        "NaN",
        "memory",
        "two runs",
    )
    assert all(any(kind in row for row in FAULTS) for kind in kinds)


def scripts():
    """The shell scripts of the page, the one inside the Job too."""
    _, job = yaml.safe_load_all(blocks("yaml")[0])
    return [*blocks("shell"), *blocks("bash"), *job["spec"]["template"]["spec"]["containers"][0]["args"]]


def test_a_shell_can_read_the_scripts():
    found = scripts()
    assert len(found) == 4
    for script in found:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_their_commands_are_right():
    commands = [
        command
        for script in scripts()
        for command in re.findall(r"-m d2lcnn (.*)", script.replace("\\\n", " "))
    ]
    assert len(commands) == 5
    for command in commands:
        program.make_parser().parse_args(shlex.split(command.replace("$resume", "--resume")))


def test_the_job_and_its_service_belong_together():
    service, job = yaml.safe_load_all(blocks("yaml")[0])
    name = job["metadata"]["name"]
    pod = job["spec"]["template"]["spec"]
    assert service["spec"]["selector"] == {"job-name": name}
    assert pod["subdomain"] == service["metadata"]["name"]
    script = pod["containers"][0]["args"][0]
    assert f"--master-addr={name}-0.{service['metadata']['name']} " in script
    assert f"--master-port={service['spec']['ports'][0]['port']} " in script
    assert f"--nnodes={job['spec']['completions']} " in script
    assert job["spec"]["parallelism"] == job["spec"]["completions"]
    assert {v["name"] for v in pod["volumes"]} == {v["name"] for v in pod["containers"][0]["volumeMounts"]}
