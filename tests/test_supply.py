"""What the project takes from others: packages that fit together, free licences, and no way for a file to run code."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import perse

ROOT = Path(__file__).parents[1]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SOURCES = sorted([*(ROOT / "perse").rglob("*.py"), ROOT / "app.py"])
# Modules that turn a file into code, or a text into a command.
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
# Work crosses to other processes of this very program, through pipes of their own.
ALLOWED = {("perse/apart.py", "pickle")}
# What code imports and requirements do not ask for, and the other way round, each with its reason.
OFFERED = {
    "spaces": "a ZeroGPU Space has it, and nobody else needs it",
    "atheris": "a proof that is run by hand, and says so",
    "mediapipe": "a test compares with it where it is installed",
}
BY_NAME = {"transformers": "diffusers loads the text encoder from it"}
TOOLS = {"pytest", "pytest-xdist", "ruff", "mypy", "import-linter", "pre-commit"}


def dangers(tree: ast.AST) -> set[str]:
    """What in a module could run what a file or a stranger says."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {node.module.split(".")[0]} & MODULES
            found |= {f"{node.module}.{alias.name}" for alias in node.names} & (CALLS | {"torch.load", "numpy.load"})
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            given = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if name in CALLS:
                found.add(name)
            if name == "torch.load" and given.get("weights_only") != "True":
                found.add(name)
            found |= {key for key in ("allow_pickle", "trust_remote_code", "shell") if given.get(key, "False") != "False"}
    return found


PACKAGES = {module: {canonicalize_name(name) for name in names} for module, names in metadata.packages_distributions().items()}


def imported(sources: list[Path]) -> set[str]:
    """Top-level modules that files import from elsewhere, at any depth in their code."""
    found = set()
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split(".")[0])
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.importorskip":
                found.add(ast.literal_eval(node.args[0]).split(".")[0])
    return found - sys.stdlib_module_names - {"perse", "tests", "app"}


def written(name: str) -> list[Requirement]:
    """What stands in a file of requirements itself."""
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-r")]


def required(name: str) -> set[str]:
    """Packages that a file of requirements asks for itself, with what their extras ask for, by canonical name."""
    wanted = [w for w in written(name) if not w.url]
    named = {canonicalize_name(w.name) for w in wanted}
    for extra, package in ((extra, w.name) for w in wanted for extra in w.extras):
        inner = map(Requirement, metadata.requires(package) or ())
        named |= {canonicalize_name(i.name) for i in inner if i.marker and i.marker.evaluate({"extra": extra})}
    return named


def undeclared(modules: set[str], declared: set[str]) -> set[str]:
    """The modules that none of the declared packages brings along."""
    return {m for m in modules - set(OFFERED) if not PACKAGES.get(m, set()) & declared}


@pytest.fixture(scope="module")
def licences():
    """docs/make_licences.py."""
    spec = importlib.util.spec_from_file_location("make_licences", ROOT / "docs/make_licences.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_installed_packages_fit_together():
    command = [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_that_is_imported_is_asked_for():
    asked = required("requirements.txt")
    assert not undeclared(imported(SOURCES), asked)
    assert not undeclared(imported(TESTS), asked | required("requirements-dev.txt"))
    assert undeclared({"httpx", "cv2", "spaces"}, {"numpy"}) == {"httpx", "cv2"}


@pytest.mark.parametrize("file, sources, without", [("requirements.txt", SOURCES, set(BY_NAME)), ("requirements-dev.txt", TESTS, TOOLS)])
def test_every_package_that_is_asked_for_is_imported(file, sources, without):
    used = {package for module in imported(sources) for package in PACKAGES.get(module, ())}
    assert not {canonicalize_name(w.name) for w in written(file) if not w.url} - used - without


@pytest.mark.parametrize(
    ("python", "system", "processor", "told"),
    [
        ("3.10", "linux", "x86_64", "Python-3.11-to-3.13"),
        ("3.11", "linux", "x86_64", ""),
        ("3.12", "linux", "x86_64", ""),
        ("3.13", "linux", "x86_64", ""),
        ("3.14", "linux", "x86_64", "Python-3.11-to-3.13"),
        ("3.12", "darwin", "arm64", ""),
        ("3.12", "linux", "aarch64", "x86-64"),
    ],
)
def test_where_a_package_has_no_wheel_pip_stops_at_a_sentence(python, system, processor, told):
    here = {"python_version": python, "sys_platform": system, "platform_machine": processor}
    stops = [w.url for w in written("requirements.txt") if w.url and w.marker.evaluate(here)]
    assert len(stops) == bool(told) and all(told in stop and stop.startswith("file:///") for stop in stops)
    if told:  # before anything else is looked for
        assert written("requirements.txt")[0].url and written("requirements.txt")[1].url


def test_one_place_says_what_is_asked_for_and_which_version_this_is():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert not {"version", "dependencies"} & set(project["project"])
    told = project["tool"]["setuptools"]["dynamic"]
    assert told == {"version": {"attr": "perse.__version__"}, "dependencies": {"file": ["requirements.txt"]}}
    assert f"\n## {perse.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_file_that_the_package_needs_is_packed():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["perse"]
    endings = {pattern.rpartition("*")[2] for pattern in patterns} | {".py"}
    files = [path for path in (ROOT / "perse").rglob("*") if path.is_file() and path.parent.name != "__pycache__"]
    assert len(files) > 200 and not [path for path in files if path.suffix not in endings]


def test_modules_without_checked_types_are_there():
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    unchecked = [name for override in overrides if override.get("ignore_errors") for name in override["module"]]
    gone = [name for name in unchecked if not any((ROOT / name.replace(".", "/")).with_suffix(s).exists() for s in (".py", ""))]
    assert not gone, "take these from pyproject.toml's list"


@pytest.mark.parametrize(
    "code, danger",
    [
        ("import pickle", "pickle"),
        ("from yaml import load", "yaml"),
        ("from os import system", "os.system"),
        ("eval(text)", "eval"),
        ("torch.load(path)", "torch.load"),
        ("torch.load(path, weights_only=False)", "torch.load"),
        ("from torch import load", "torch.load"),
        ("np.load(path, allow_pickle=True)", "allow_pickle"),
        ("model(name, trust_remote_code=choice)", "trust_remote_code"),
        ("subprocess.run(text, shell=True)", "shell"),
        ("os.system(text)", "os.system"),
    ],
)
def test_the_search_finds_what_it_searches_for(code, danger):
    assert dangers(ast.parse(code)) == {danger}


def test_the_search_lets_pass_what_is_harmless():
    assert not dangers(ast.parse("torch.load(p, weights_only=True); np.load(p); model.eval(); re.compile(p); run(a, shell=False)"))


def test_no_file_can_run_code():
    found = {(str(path.relative_to(ROOT)), danger) for path in SOURCES for danger in dangers(ast.parse(path.read_text()))}
    assert found == ALLOWED


def test_the_table_of_licences_is_up_to_date(licences):
    said = dict(re.findall(r"^\| ([^ |]+) \| ([^|]+) \|[^|]*\|$", licences.TABLE.read_text().split("\n## ")[0], re.M))
    found = {name: licences.licence(name, d) for name, d in licences.distributions().items() if not licences.elsewhere(name)}
    bsd = re.compile(r"BSD-\d-Clause")  # newer releases of a package may say which BSD it is
    wrong = {name: of for name, of in found.items() if bsd.sub("BSD", said.get(name, "")) != bsd.sub("BSD", of)}
    assert len(found) > 50 and not wrong, f"run python docs/make_licences.py and look at what changed: {wrong}"


def test_every_licence_is_free_for_any_use(licences):
    found = {name: licences.licence(name, d) for name, d in licences.distributions().items() if not licences.elsewhere(name)}
    assert not {name: of for name, of in found.items() if licences.not_free(of)}
    for expression in ("GPL-3.0-only", "MIT AND AGPL-3.0-or-later", "CC-BY-NC-4.0", "LGPL-2.1-only WITH GCC-exception-3.1", "", "Other"):
        assert licences.not_free(expression)


def test_every_face_is_said_where_it_comes_from_and_comes_from_there(licences):
    page = licences.TABLE.read_text()
    for package, file, who, terms in licences.FACES:
        assert file in {str(f) for f in metadata.files(package)}
        assert f"| {package} | `{file}` | {who} | {terms} |" in page


def test_copyleft_inside_wheels_is_stated(licences):
    """By the names of the libraries that are known to be copyleft: a wheel that brings one along says so in the table."""
    known = {pattern for patterns in licences.INSIDE.values() for pattern in patterns}
    page = licences.TABLE.read_text()
    for name, distribution in licences.distributions().items():
        for library in licences.libraries(distribution):
            if any(fnmatch(library, pattern) for pattern in known):
                assert any(fnmatch(library, p) for p in licences.INSIDE.get(name, ())) and library in page, f"{library} in {name}"
