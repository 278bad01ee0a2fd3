#!/usr/bin/env python
"""Make every small mistake in the laws, the read-offs and the counters, and see a test fail.

    python tests/reports/mutate.py                 # all: hours; stopped, it goes on from there
    python tests/reports/mutate.py --sample 100    # a random hundred of each module
    python tests/reports/mutate.py --module laws   # only these; may be repeated
    python tests/reports/mutate.py --quick         # a few laws, in half a minute

A mutant is judged by the tests that reach what it changes, the quickest first, until one fails.
What reaches what is seen once, by running the tests with the interpreter's profile hook.
What the data file has of other modules stays, as long as their code is the one that was judged.

Why no ready-made program: mutmut mutates functions, but our laws are expressions in a table, and
cosmic-ray starts pytest anew for every mutant, where importing SymPy and collecting takes longer
than the test that fails. Here the tests are collected once; for each mutant the process forks, the
child takes the changed code in place of the right one, and nothing is written to disk.
"""

import argparse
import ast
import functools
import hashlib
import importlib
import inspect
import json
import math
import os
import pickle
import resource
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import perturb
import pytest
import record
from record import ROOT, say

GROUPS = {
    "laws": ("laws",),
    "read-offs": ("readoff", "interference", "contrast", "distributions"),
    "kernels": ("features", "neurons", "bits", "bits_numba", "every_pair"),
    "searches": ("universal", "least_error", "regimes"),
    "extensions": tuple(
        f"extensions.{path.stem}" for path in sorted((ROOT / "uand/extensions").glob("[a-z]*.py"))
    ),
}
MODULES = [module for group in GROUPS.values() for module in group]
TESTS = {"bits_numba": "bits"}
# The tests of other modules that hold a module to something independent of it: they judge what is
# left by its own. For the laws, the ledger measures their claims anew as well.
ALSO = {
    "laws": (
        "contrast",
        "regimes",
        "extensions_superposed",
        "extensions_targeted",
        "extensions_gaussian",
        "extensions_stacking",
        "extensions_higher_order",
        "extensions_learned",
        "extensions_optimal",
        "extensions_calibration",
    ),
    "distributions": ("contrast", "interference"),
    "contrast": ("interference",),
    "readoff": ("interference",),
    "neurons": ("readoff", "contrast"),
    "features": ("interference",),
    "every_pair": ("universal",),
}
# Estimates of memory and work, and the sizes of blocks, decide whether and in which order something
# is computed, not what comes out; and sizes are checked before anything is. The module is named
# where another one has a function of that name that does.
LEAVE_OUT = frozenset(
    {
        "needed_bytes",
        "sampling_bytes",
        "needed_memory",
        "_workspace",
        "check_memory",
        "check_work",
        "check_activation",
        "_check_whole",
        "_stretch",
        "_adding_pays",
        "every_pair._height",
        "engine",
    }
)
ONE_TEST = 20.0  # seconds of the processor: a test that takes longer judges no mutant
ONE_MUTANT = 30.0  # and when its tests have taken so long together, a mutant counts as survived
ONE_CLAIM = 90.0  # and when a claim has been measured anew for so long
BROAD = 20  # a test that looks at more laws than these compares none of them with anything
COMPILED = {"bits_numba": 60.0}  # modules that are compiled, and the seconds that this may take
PATIENCE = 10.0  # a mutant has so many times what a test takes, and 5 seconds: more is a failure
JUDGED = record.DATA.parent / "survivors.toml"
QUICK = {"A8.bias", "A9.variance"}
QUICK_TEST = "test_laws_given_a_pair_are_moments_over_the_neurons_that_read_it"


class TooLong(BaseException):
    """A test takes longer than it may; no test catches it."""


def mutants_of(module: str) -> list[perturb.Mutant]:
    """Return every mutant of a module of the package."""
    source = perturb.Source(path_of(module).read_text(encoding="utf-8"))
    if module == "laws":
        return perturb.of_laws(source)
    return perturb.of_functions(source, {one.removeprefix(f"{module}.") for one in LEAVE_OUT})


def path_of(module: str) -> Path:
    """Return the file of a module."""
    return ROOT / "uand" / f"{module.replace('.', '/')}.py"


def digest_of(text: str) -> str:
    """Return a number that changes with the code of a module, but not with what is said of it."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(
            node
        ):
            node.body[0] = ast.Expr(ast.Constant(""))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


def names_of(mutants: Sequence[perturb.Mutant]) -> list[str]:
    """Name each mutant by what it changes; the like in one place are numbered."""
    seen: Counter[str] = Counter()
    names = []
    for mutant in mutants:
        name = f"{mutant.where}: {mutant.before} -> {mutant.after}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return names


# --- in the child: the mutant in place of the right code ------------------------------------------


def functions_in(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions and methods that a module defines, by qualified name."""
    for holder in [module, *(v for v in vars(module).values() if inspect.isclass(v))]:
        for value in vars(holder).values():
            inner: Any = value
            for attribute in ("fget", "func", "__func__", "py_func"):
                inner = getattr(inner, attribute, None) or inner
            if callable(inner):
                inner = inspect.unwrap(inner)
                inner = getattr(inner, "py_func", inner)
            if isinstance(inner, FunctionType) and inner.__module__ == module.__name__:
                yield inner.__qualname__, inner


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of every function in a module's code."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from codes_in(constant)


def put_in_place(module: str, where: str, text: str) -> set[str]:
    """Let the package compute with the changed text of a module; return what is changed by it."""
    loaded = importlib.import_module(f"uand.{module}")
    if module == "laws":
        changed: dict[str, Any] = {"__name__": loaded.__name__}
        exec(compile(text, str(path_of(module)), "exec"), changed)
        keys = set()
        for key, law in loaded.LAWS.items():  # the very objects that others may hold already
            for part in ("expr", "stable"):
                if getattr(law, part) != getattr(changed["LAWS"][key], part):
                    object.__setattr__(law, part, getattr(changed["LAWS"][key], part))
                    keys.add(key)
        return keys
    codes = {code.co_qualname: code for code in codes_in(compile(text, loaded.__file__, "exec"))}
    found = [function for name, function in functions_in(loaded) if name == where]
    if not found:
        raise LookupError(f"{where}: not found in {module}")
    for function in found:
        function.__code__ = codes[where]
    if module in COMPILED:
        _compile_anew(loaded)
    return {where}


def _compile_anew(module: ModuleType) -> None:
    """Forget machine code that was kept from the right text."""
    from numba.core.caching import NullCache

    for value in vars(module).values():
        for dispatcher in (value, getattr(value, "__wrapped__", None)):
            if hasattr(dispatcher, "py_func"):
                dispatcher._cache = NullCache()


# --- the tests, collected once --------------------------------------------------------------------


class Runner:
    """A pytest plugin: in place of running the tests once, run some for each mutant."""

    def __init__(
        self, module: str, chosen: list[tuple[str, perturb.Mutant]], tell: Any, how: str
    ) -> None:
        self.module, self.chosen, self.tell, self.how = module, chosen, tell, how
        self.text = path_of(module).read_text(encoding="utf-8")
        self.broad = BROAD if module == "laws" else math.inf
        self.failed: str | None = None
        self.skipped = False

    def pytest_collection(self) -> None:
        """A failure is enough: hypothesis need not make it small, and keeps no example."""
        from hypothesis import Phase, settings

        phases = [Phase.explicit, Phase.generate]
        settings.register_profile("judge", settings.get_profile("pinned"), phases=phases)
        settings.load_profile("judge")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid
        self.skipped |= report.skipped

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        say(f"{self.module}: seeing what each of {len(items)} tests reaches")
        tests = self._kept(f"{self.module}-{self.how}", lambda: self._see(list(items.values())))
        predictions = []
        if self.module == "laws" and self.how != "quickly":
            predictions = self._kept("ledger", _predictions)
        reached = {"tests": tests, "predictions": predictions}
        for name, mutant in self.chosen:
            judge = functools.partial(self._judge, mutant, items, reached)
            limit = 3 * (ONE_MUTANT + COMPILED.get(self.module, 0.0))
            limit += 2 * ONE_CLAIM if self.module == "laws" else 0
            judged = self._in_child(judge, limit)
            if judged is None:  # the process died, or ran out of its time
                judged = {"killed": True, "by": "the process ended"}
            self.tell({"module": self.module, "mutant": name, "line": mutant.line, **judged})
        return True

    def _kept(self, name: str, work: Callable[[], Any]) -> Any:
        """Return what `work` returns in a child, or returned earlier from the same code."""
        code = [*(ROOT / "uand").rglob("*.py"), *(ROOT / "tests").glob("*.py")]
        kept = Path(tempfile.gettempdir()) / f"uand-{name}-{record.digest(code)}.pickle"
        if not kept.exists():
            kept.write_bytes(pickle.dumps(self._in_child(work)))
        return pickle.loads(kept.read_bytes())

    def _in_child(self, work: Callable[[], Any], limit: float = math.inf) -> Any:
        """Return what `work` returns in a child of this process, or None if that is killed."""
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            status = 1
            try:
                quiet = os.open(os.devnull, os.O_RDWR)
                told = os.dup(2)
                for stream in (0, 1, 2):
                    os.dup2(quiet, stream)
                if math.isfinite(limit):
                    resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
                signal.signal(signal.SIGPROF, _too_long)
                result = work()
                with os.fdopen(writing, "wb") as pipe:
                    pickle.dump(result, pipe)
                status = 0
            except BaseException:
                os.write(told, traceback.format_exc().encode())
            finally:
                os._exit(status)
        os.close(writing)
        # A child that neither computes nor ends is waited for ten times as long.
        signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, 10 * limit if math.isfinite(limit) else 0)
        try:
            with os.fdopen(reading, "rb") as pipe:
                data = pipe.read()
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        except BaseException:
            os.kill(child, signal.SIGKILL)
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if status > 0:
            raise RuntimeError(f"{self.module}: a child of this process failed")
        return pickle.loads(data) if status == 0 else None

    def _run(self, item: pytest.Item, following: pytest.Item | None, limit: float) -> bool:
        """Run one test; return whether it failed or took too long."""
        self.failed, self.skipped = None, False
        signal.setitimer(signal.ITIMER_PROF, limit)
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        except TooLong:
            self.failed = f"{item.nodeid} (time)"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return self.failed is not None

    def _see(self, items: list[pytest.Item]) -> dict[str, Any]:
        """Run the tests with the right code; return what each reaches, and how long it takes."""
        loaded = importlib.import_module(f"uand.{self.module}")
        names: set[str] = set()
        if self.module == "laws":
            _watch_laws(loaded, names)
        file = loaded.__file__

        def called(frame: Any, event: str, _: Any) -> None:
            if event == "call" and frame.f_code.co_filename == file:
                names.add(frame.f_code.co_qualname.partition(".<locals>")[0])

        reached = {}
        for place, item in enumerate(items):
            names.clear()
            before = time.process_time()
            if self.module != "laws":
                sys.setprofile(called)
            following = items[place + 1] if place + 1 < len(items) else None
            wrong = self._run(item, following, ONE_TEST)
            sys.setprofile(None)
            if names and self.module in COMPILED:  # what calls what is out of Python's sight there
                names |= {name for name, _ in functions_in(loaded)}
            if not wrong and not self.skipped:
                reached[item.nodeid] = [time.process_time() - before, sorted(names)]
        return reached

    def _judge(
        self, mutant: perturb.Mutant, items: dict[str, pytest.Item], reached: dict[str, Any]
    ) -> dict[str, Any]:
        """Return whether one of the tests fails with the mutant in place."""
        began, compiling = time.process_time(), COMPILED.get(self.module, 0.0)
        try:
            changed = put_in_place(self.module, mutant.where, mutant.apply(self.text))
        except (ArithmeticError, TypeError, ValueError) as error:  # there can be no such table
            return {"killed": True, "by": f"import: {type(error).__name__}"}
        if not changed:
            return {"killed": False, "tests": 0, "of": 0}
        if any(
            _predicts_wrongly(key, *rest) for key, *rest in reached["predictions"] if key in changed
        ):
            return {"killed": True, "by": "the ledger"}
        times = {
            test: seconds
            for test, (seconds, names) in reached["tests"].items()
            if test in items and changed & set(names) and len(names) <= self.broad
        }
        tests = [items[test] for test in sorted(times, key=times.__getitem__)]
        ran = 0
        for place, item in enumerate(tests):
            if time.process_time() - began > ONE_MUTANT + compiling:
                break
            ran += 1
            following = tests[place + 1] if place + 1 < len(tests) else None
            limit = 5 + PATIENCE * times[item.nodeid] + compiling
            if self._run(item, following, limit):
                return {"killed": True, "by": self.failed}
        if (self.module, self.how) == ("laws", "again") and not all(
            _ledger_holds(key) for key in _claims(changed)
        ):
            return {"killed": True, "by": "the ledger"}
        found = {"killed": False, "tests": ran, "of": len(tests)}
        return found | ({"again": True} if self.how == "again" else {})


def _too_long(*_: Any) -> None:
    raise TooLong


def _claims(keys: set[str]) -> list[str]:
    return sorted({key.partition(".")[0] for key in keys})


def _predictions() -> list[tuple[str, tuple[Any, ...], Any]]:
    """Run the ledger; return which comparisons are with which law, at which values.

    The measurement knows no formula, so that it need not be repeated where the law is wrong.
    """
    from uand import measurements
    from uand.laws import Law

    calls: list[tuple[str, tuple[Any, ...], float]] = []
    plain = Law.__call__

    def recorded(law: Any, *values: Any, module: str = "numpy") -> Any:
        result = plain(law, *values, module=module)
        if getattr(result, "ndim", 0) == 0:
            calls.append((law.key, values, float(result)))
        return result

    Law.__call__ = recorded  # type: ignore[method-assign]
    found = []
    for claim in measurements.MEASUREMENTS:
        calls.clear()
        (row,) = measurements.ledger(only=[claim])
        found += [
            (key, values, comparison)
            for comparison in row.comparisons
            for key, values, result in calls
            if result == comparison.predicted and key.startswith(f"{claim}.")
        ]
    Law.__call__ = plain  # type: ignore[method-assign]
    return found


def _predicts_wrongly(key: str, values: tuple[Any, ...], seen: Any) -> bool:
    """Whether a changed law no longer predicts what was measured."""
    from uand.laws import LAWS
    from uand.measurements import FALSE_ALARM

    try:
        predicted = float(LAWS[key](*values))
    except Exception:
        return True
    return not replace(seen, predicted=predicted).holds(FALSE_ALARM / 1000)


def _watch_laws(laws: ModuleType, names: set[str]) -> None:
    """Keep in `names` the keys of the laws whose expressions are looked at."""
    plain = object.__getattribute__

    def look(law: Any, attribute: str) -> Any:
        if attribute in ("expr", "stable"):
            names.add(plain(law, "key"))
        return plain(law, attribute)

    laws.Law.__getattribute__ = look


def _ledger_holds(claim: str) -> bool:
    """Whether the ledger's comparisons for a claim still come out, all measured anew."""
    from uand import measurements

    if claim not in measurements.MEASUREMENTS:
        return True
    signal.setitimer(signal.ITIMER_PROF, ONE_CLAIM)
    try:
        (row,) = measurements.ledger(only=[claim])
        return bool(row.verdict != measurements.MISMATCH)
    except TooLong:
        return True
    except Exception:  # a law that cannot be evaluated
        return False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def judge(module: str, chosen: list[tuple[str, perturb.Mutant]], tell: Any, how: str) -> None:
    """Collect the tests of a module in a process of its own, and judge mutants there.

    `how` is ``"first"``, with the module's own tests; ``"again"``, with those of `ALSO` too; or
    ``"quickly"``, with one test of the laws.
    """
    tests = [
        TESTS.get(module, module.replace(".", "_")),
        *(ALSO.get(module, ()) if how == "again" else ()),
    ]
    paths = [str(ROOT / "tests" / f"test_{name}.py") for name in tests]
    paths = [f"{paths[0]}::{QUICK_TEST}"] if how == "quickly" else paths
    arguments = [*paths, "--capture=no", "-p", "no:cacheprovider", "-p", "no:xdist"]
    arguments += [f"--rootdir={ROOT}", "-p", "no:terminal"]
    status = pytest.main(arguments, plugins=[Runner(module, chosen, tell, how)])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise KeyboardInterrupt if status == pytest.ExitCode.INTERRUPTED else RuntimeError(status)


# --- the report -----------------------------------------------------------------------------------


def choose(mutants: list[perturb.Mutant], sample: int | None, seed: int) -> list[Any]:
    """Return the mutants with their names, in a random order, or so many of them."""
    import numpy as np

    named = list(zip(names_of(mutants), mutants, strict=True))
    order = np.random.default_rng(seed).permutation(len(named))
    return [named[place] for place in order[:sample].tolist()]


def judgements() -> dict[str, dict[str, Any]]:
    """Return what has been written about survivors, by module and mutant."""
    entries = tomllib.loads(JUDGED.read_text(encoding="utf-8")).get("survivor", [])
    return {f"{one['module']} {mutant}": one for one in entries for mutant in one["mutants"]}


def recorded(out: Path | None, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return what a data file has of the modules whose code is still the one that was judged."""
    if out is None or not out.exists():
        return {"modules": {}, "survivors": []}
    found = json.loads(out.read_text(encoding="utf-8"))
    modules = {
        name: row
        for name, row in found["modules"].items()
        if row["killed"] + row["survived"] + row["pending"] and row["code"] == texts.get(name)
    }
    survivors = [one for one in found["survivors"] if one["module"] in modules]
    return {"modules": modules, "survivors": survivors}


def summary(
    totals: Mapping[str, int],
    texts: Mapping[str, str],
    entries: list[dict[str, Any]],
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the numbers of each module and group, and the survivors with their judgements.

    `before` has what is kept of the modules of which there is no entry.
    """
    judged = judgements()
    new = {one["module"] for one in entries}
    kept = [one for one in before["survivors"] if one["module"] not in new]
    entries = entries + [{**one, "killed": False, "again": True} for one in kept]
    survivors = []
    for one in entries:
        if not one["killed"] and "again" in one:
            said = judged.get(f"{one['module']} {one['mutant']}", {})
            told = {"module": one["module"], "line": one["line"], "mutant": one["mutant"]}
            survivors.append(told | {"verdict": said.get("verdict"), "why": said.get("why")})
    survivors.sort(key=lambda one: (one["module"], one["line"], one["mutant"]))
    by_module = {}
    for module, total in totals.items():
        of_it = [one for one in entries if one["module"] == module]
        left = [one for one in survivors if one["module"] == module]
        counts = {
            "killed": sum(one["killed"] for one in of_it),
            # By the module's own tests only; those of other modules have not looked at them.
            "pending": sum(not one["killed"] and "again" not in one for one in of_it),
        }
        if module not in new and module in before["modules"]:
            counts = {key: before["modules"][module][key] for key in counts}
        by_module[module] = {
            "code": texts[module],
            "group": next(group for group, names in GROUPS.items() if module in names),
            "mutants": total,
            "killed": counts["killed"],
            "survived": len(left),
            "equivalent": sum(one["verdict"] == "equivalent" for one in left),
            "as good": sum(one["verdict"] == "as good" for one in left),
            "pending": counts["pending"],
        }
    return {"modules": by_module, "survivors": survivors}


def counted(modules: Sequence[Mapping[str, int]]) -> tuple[int, int, int]:
    """Return how many mutants of modules were killed, were not, and are harmless among the latter.

    What has been judged by its own module's tests only counts among those that were not killed.
    """
    killed, survived, pending, equivalent, good = (
        sum(one[key] for one in modules)
        for key in ("killed", "survived", "pending", "equivalent", "as good")
    )
    return killed, survived + pending, equivalent + good


def run(options: argparse.Namespace) -> int:
    """Judge what has not been judged yet, and write the report."""
    out = record.target(options, "mutate")
    modules = options.module or (["laws"] if options.quick else MODULES)
    modules = [module for module in MODULES if module in modules]
    everything = {module: mutants_of(module) for module in MODULES}
    made_from = {"program": "mutate", "seed": options.seed}
    journal = record.Journal(out, made_from)
    # A result holds for the code that it was found with; a later one takes an earlier one's place.
    texts = {module: digest_of(path_of(module).read_text(encoding="utf-8")) for module in MODULES}
    journal.entries[:] = _latest(
        [one for one in journal.entries if one["text"] == texts[one["module"]]]
    )
    for module in modules:
        chosen = choose(everything[module], options.sample, options.seed)
        if options.quick:
            chosen = [one for one in chosen if one[1].where in QUICK]
        judged = {one["mutant"]: one for one in journal.entries if one["module"] == module}
        if options.again:
            done = {name for name, one in judged.items() if one["killed"] or one.get("again")}
            chosen = [one for one in chosen if one[0] in judged]
        else:
            done = set(judged)
        chosen = [one for one in chosen if one[0] not in done]
        if not chosen:
            continue
        say(f"{module}: {len(chosen)} of {len(everything[module])} mutants to judge")
        tell = functools.partial(_tell, journal, texts[module])
        how = "quickly" if options.quick else "again" if options.again else "first"
        judge_apart(module, chosen, tell, how)
    totals = {name: len(some) for name, some in everything.items()}
    found = summary(totals, texts, _latest(journal.entries), recorded(out, texts))
    record.write(out, "mutate", options.seed, found)
    for name, one in found["modules"].items():
        say(f"{name:15}", *(f"{one[key]:6} {key}" for key in ("killed", "survived", "pending")))
    for one in found["survivors"]:
        print(f"{one['module']}.py:{one['line']}: {one['mutant']}  [{one['verdict']}]")
    return 0


def _latest(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({(one["module"], one["mutant"]): one for one in entries}.values())


def _tell(journal: record.Journal, text: str, entry: dict[str, Any]) -> None:
    journal.add(entry | {"text": text})
    survived = "" if entry["killed"] else f"  SURVIVED {entry['mutant']}"
    if survived or len(journal.entries) % 20 == 0:
        say(f"{entry['module']}: {len(journal.entries)} judged{survived}")


def judge_apart(module: str, chosen: list[Any], tell: Any, how: str) -> None:
    """Judge in a child, so that each module's tests are collected in a process of their own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "w", buffering=1) as pipe:
                judge(module, chosen, lambda entry: print(json.dumps(entry), file=pipe), how)
            status = 0
        except KeyboardInterrupt:
            status = 130
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        for line in pipe:
            tell(json.loads(line))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 130:
        raise KeyboardInterrupt
    if status:
        raise ValueError(f"{module}: the tests could not be run (status {status})")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parse = record.parser("mutate", "Change the code, and see a test fail.")
    parse.add_argument("--module", choices=MODULES, action="append", help="only this one")
    parse.add_argument("--sample", type=int, help="so many of each module, chosen at random")
    parse.add_argument(
        "--again",
        action="store_true",
        help="judge those that survived by more tests, with the ledger",
    )
    return parse


if __name__ == "__main__":
    os.chdir(ROOT)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(record.finish(run, parser().parse_args()))
