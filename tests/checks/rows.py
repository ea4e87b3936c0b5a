#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
rows.py TREE [--table]: every test of tests/hostile, and of those files of tests/races that attack (they use lib/race.py), has its row in
the table ROWS of its file, and every row its test. A test that a class inherits is the same in other surroundings, and has one row.
--table prints all rows.
"""

import ast
import glob
import os
import sys

COLUMNS = ("name", "attack", "expected", "class")


def rows_of(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["ROWS"]:
            return [tuple(row) for row in ast.literal_eval(node.value)]
    return []


def tests_of(tree):
    return [f"{cls.name}.{method.name}" for cls in tree.body if isinstance(cls, ast.ClassDef)
            for method in cls.body if isinstance(method, ast.FunctionDef) and method.name.startswith("test")]


def parse(path):
    with open(path) as file:
        return ast.parse(file.read())


def attacks(path):
    return any(isinstance(node, ast.ImportFrom) and node.module == "race" for node in parse(path).body)


def check(path):
    """Returns (rows, texts about what is wrong)."""
    tree = parse(path)
    rows, tests, wrong = rows_of(tree), tests_of(tree), []
    names = [row[0] for row in rows]
    wrong += [f"{name}: no row" for name in tests if name not in names]
    wrong += [f"{name}: a row without a test" for name in names if name not in tests]
    wrong += [f"{name}: {names.count(name)} rows" for name in set(names) if names.count(name) > 1]
    wrong += [f"{row[0]}: not {', '.join(COLUMNS)}" for row in rows
              if len(row) != len(COLUMNS) or not all(isinstance(cell, str) and cell.strip() for cell in row)]
    if not tests:
        wrong.append("no tests")
    return rows, wrong


def main():
    hostile, races = [sorted(glob.glob(os.path.join(sys.argv[1], "tests", ring, "test_*.py"))) for ring in ("hostile", "races")]
    races = [path for path in races if attacks(path)]
    paths, bad = hostile + races, not (hostile and races)
    for path in paths:
        rows, wrong = check(path)
        if "--table" in sys.argv:
            for row in rows:
                print(" | ".join([os.path.relpath(path, os.path.join(sys.argv[1], "tests"))[:-3], *row]))
        for line in wrong:
            print(f"{os.path.relpath(path, sys.argv[1])}: {line}")
            bad = True
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
