"""The house rules that can be checked."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "k8slite"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_MODULE = 400
LONGEST_FUNCTION = 70
SHAPELESS = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
# Where the outside is asked: the live world, the commands that run in a terminal, and who plays
# runs in processes of their own.
OUTSIDE = ("live", "cli", "fuzz")
# What only the outside may import, since everything else runs in simulation too.
UNREPRODUCIBLE = {"time", "uuid", "secrets", "threading", "asyncio", "socket", "subprocess"}
# sqlite's thread is reached through trio-asyncio, and sockets and locks are their own business.
ALLOWED = {
    ("store/sqlite.py", "trio_asyncio"),
    ("store/sqlite.py", "asyncio"),
    # Trio's order is one for all its loops: a simulated run's is its thread's.
    ("sim/run.py", "threading"),
    ("wire/server.py", "socket"),
    ("wire/transport.py", "socket"),
    ("wire/client.py", "socket"),
    ("wire/pool.py", "socket"),
}


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def reproducible() -> list[Path]:
    return [path for path in MODULES if name(path).split("/")[0] not in OUTSIDE]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_module_opens_with_a_docstring_and_is_short(path: Path) -> None:
    assert path.stem not in SHAPELESS
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    docstring = ast.get_docstring(tree(path))
    assert docstring, "a module opens by saying what it is"
    assert docstring != "To be described."


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_functions_are_short(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name


@pytest.mark.parametrize("path", reproducible(), ids=name)
def test_nothing_asks_the_outside_but_through_the_world(path: Path) -> None:
    for module in imported(tree(path)):
        if module.split(".")[0] in UNREPRODUCIBLE:
            assert (name(path), module.split(".")[0]) in ALLOWED, module
    found = re.findall(
        r"datetime\.(?:now|utcnow)\(|os\.urandom|to_thread|\brandom\.(?!Random\b)\w+\(",
        without_strings(path),
    )
    assert not found


@pytest.mark.parametrize("path", reproducible(), ids=name)
def test_no_loop_over_a_set(path: Path) -> None:
    for node in ast.walk(tree(path)):
        loops = [node.iter] if isinstance(node, ast.For) else []
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
            loops = [generator.iter for generator in node.generators]
        for loop in loops:
            assert not isinstance(loop, ast.Set | ast.SetComp), f"line {loop.lineno}"
            called = loop.func if isinstance(loop, ast.Call) else None
            assert not (isinstance(called, ast.Name) and called.id in ("set", "frozenset")), (
                f"line {loop.lineno}"
            )


@pytest.mark.parametrize("path", reproducible(), ids=name)
def test_no_async_generator_is_left_unclosed(path: Path) -> None:
    """The garbage collector would close it at a time of its own: only context managers may be."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.AsyncFunctionDef) and any(
            isinstance(part, ast.Yield) for part in own_nodes(node)
        ):
            decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
            assert any("asynccontextmanager" in text for text in decorators), node.name


def test_nothing_names_a_registry_or_a_path_of_a_machine() -> None:
    # Put together, so that this file is not what it looks for.
    words = ["/work" + "/", "py" + "thonhosted", "ro" + "ot/.pyenv", "file:///" + "opt"]
    for path in sorted(ROOT.rglob("*")):
        relative = path.relative_to(ROOT)
        if not path.is_file() or (relative.parts[0].startswith(".") and relative.parts[0] != ".ci"):
            continue
        if path.suffix not in (".py", ".md", ".toml", ".yaml", ".json", ".lock", "") or (
            {"__pycache__", "build", "dist"} & set(relative.parts)
        ):
            continue
        text = path.read_text(errors="replace")
        for word in words:
            assert word not in text, f"{relative} names {word}"


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def own_nodes(function: ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def without_strings(path: Path) -> str:
    """The code with docstrings and other texts taken out."""

    class Blank(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            return ast.Constant("") if isinstance(node.value, str) else node

        def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
            return ast.Constant("")

    return ast.unparse(Blank().visit(tree(path)))
