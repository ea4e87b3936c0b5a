#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
pages.py TREE: every setting of km/settings_table.c is in krun.json.5, every annotation of annotations.h in krun-annotations.7, with the key
that km/trust.c asks for, and these pages have no others. The code has the error texts that krun-debugging.7 explains. Every page is
installed, and references from one to another lead somewhere.
"""

import os
import re
import sys

import verdict

TREE = os.path.abspath(sys.argv[1])
MAN = os.path.join(TREE, "man")
# Annotations of a setting, and keys that settings_host.c reads by itself.
SETTING_ANNOTATIONS = {"app.kontain.krun.": "allowAnnotations", "app.kontain.krun.snapshot": "snapshotDirectory"}
OWN_KEYS = {"allowAnnotations", "allowVm"}
# Texts of km.
KM_TEXTS = ("km_add_vvar_vdso_to_", "Can't open default device file: Permission denied")


def read(*path):
    with open(os.path.join(TREE, *path)) as file:
        return file.read()


def words_of(macros):
    """Returns the literal words at the beginning of what follows .It: 'Li a , b No (none)' is a and b."""
    match = re.match(r"Li ((?:[^\s,]+ , )*[^\s,]+)", macros)
    return [word.replace("\\&", "") for word in match.group(1).split(" , ")] if match else []


def tags(page):
    """Returns the words that the tagged lists of a page explain."""
    text = page.replace("\\\n", "")
    lists = re.findall(r"^\.Bl -tag.*?^\.El", text, re.MULTILINE | re.DOTALL)
    return {word for part in lists for line in re.findall(r"^\.It (.*)", part, re.MULTILINE) for word in words_of(line)}


def check_settings(bad):
    keys = set(re.findall(r'^\t\[KM_KEY_\w+\] = \{ "(\w+)"', read("src", "km", "settings_table.c"), re.MULTILINE))
    described = {word for word in tags(read("man", "krun.json.5")) if not word.startswith("/")}
    bad += [f"{key}: not in krun.json.5" for key in sorted((keys | OWN_KEYS) - described)]
    bad += [f"{key}: in krun.json.5, and no setting" for key in sorted(described - keys - OWN_KEYS)]
    return len(keys)


def check_annotations(bad):
    names = dict(re.findall(r'^#define (KRUN_ANNOTATION_\w+) "(.*)"', read("include", "krun", "annotations.h"), re.MULTILINE))
    settings = read("src", "km", "settings_table.c")
    needed = dict.fromkeys(names.values(), "none") | SETTING_ANNOTATIONS
    for name, key in re.findall(r"\{ (KRUN_ANNOTATION_\w+), \w+, (KM_KEY_ALLOW_\w+),", read("src", "km", "trust.c")):
        needed[names[name]] = re.search(rf'\[{key}\] = \{{ "(\w+)"', settings).group(1)

    page = read("man", "krun-annotations.7")
    described = {word for word in tags(page) if "." in word}
    bad += [f"{name}: not in krun-annotations.7" for name in sorted(set(needed) - described)]
    bad += [f"{name}: in krun-annotations.7, and no annotation" for name in sorted(described - set(needed))]

    table = {}
    for line in re.findall(r"^\.It (Li .* Ta .*)", page, re.MULTILINE):
        left, key = line.split(" Ta ")
        table.update((word, key.replace("Li ", "")) for word in words_of(left))
    # What krun writes is in no table of what it reads.
    written = {name for name in names.values() if re.search(r"\.(personality|startAt|oomKilled|version|commit)$", name) and ".krun." in name}
    for name in sorted(set(needed) - written):
        if table.get(name) != needed[name]:
            bad.append(f"{name}: the table of krun-annotations.7 has {table.get(name)}, and krun asks for {needed[name]}")
    return len(needed)


def literals():
    """Returns the texts of src/, where those that follow each other are one text."""
    for folder, _, names in os.walk(os.path.join(TREE, "src")):
        for name in names:
            if name.endswith((".c", ".h")):
                text = read(folder, name)
                for part in re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*', text):
                    yield re.sub(r'"\s*"', "", part).replace('\\"', '"')


def check_errors(bad):
    page = read("man", "krun-debugging.7").replace("\\\n", "").replace("\\(dq", '"')
    part = page[page.index(".Sh WHAT FREQUENT ERRORS MEAN"):]
    code = "\n".join(literals())
    seen = 0
    for line in re.findall(r"^\.It Li (.*)", part[:part.index("\n.El")], re.MULTILINE):
        if line.startswith(KM_TEXTS):
            continue
        # Names and numbers stand for others, and "..." for what is left out.
        for text in re.split(r"'[^' ]*'|\"[a-z]+\"|\d+| ?\.\.\. ?|(?<=the )memory(?= controller)", line.replace(" ,", ",")):
            text = text.strip(" ,:")
            if " " in text:
                seen += 1
                if text not in code:
                    bad.append(f"krun-debugging.7: krun has no text '{text}'")
    return seen


def check_references(bad):
    pages = sorted(name for name in os.listdir(MAN) if re.search(r"\.[1-8]$", name))
    installed = read("man", "meson.build")
    sections = {name: set(re.findall(r"^\.S[hs] (.*)", read("man", name), re.MULTILINE)) for name in pages}
    seen = 0
    for name in pages:
        text = read("man", name)
        if f"'{name}'" not in installed:
            bad.append(f"{name}: man/meson.build does not install it")
        title = re.search(r"^\.Dt (.*) (\d)$", text, re.MULTILINE)
        if not title or f"{title.group(1).lower()}.{title.group(2)}" != name:
            bad.append(f"{name}: has another title")
        for page, number in re.findall(r"Xr (krun[\w.-]*) (\d)", text):
            seen += 1
            if f"{page}.{number}" not in pages:
                bad.append(f"{name}: there is no page {page}({number})")
        for section, of_page in re.findall(r"^\.(?:Pq )?Sx ([A-Z][A-Za-z ]*[A-Za-z])\b.*\n(?:of\n\.Xr (krun[\w.-]* \d))?", text, re.MULTILINE):
            seen += 1
            if section not in sections.get(of_page.replace(" ", ".") or name, ()):
                bad.append(f"{name}: there is no section {section} in {of_page or 'it'}")
    return seen


def main():
    bad = []
    seen = min(check_settings(bad), check_annotations(bad), check_errors(bad), check_references(bad))
    verdict.end(bad, seen, 12, "of settings, annotations, error texts or references")


if __name__ == "__main__":
    main()
