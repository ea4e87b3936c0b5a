#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
kubernetes.py TREE: the objects of contrib/kubernetes are ones of Kubernetes (tests/kubernetes/schemas.json), and what they name is there: the handler
in the configurations of the engines, the label and the words of node/krun-node, the account.
"""

import glob
import json
import os
import re
import sys

import verdict

TREE = os.path.abspath(sys.argv[1])
FOLDER = os.path.join(TREE, "contrib", "kubernetes")


def read(name):
    with open(os.path.join(FOLDER, name)) as file:
        return file.read()


def check_schema(objects, bad):
    with open(os.path.join(TREE, "tests", "kubernetes", "schemas.json")) as file:
        schemas = json.load(file)
    for name, item in objects:
        where = f"{name}: {item.get('kind')}"
        known = schemas["kinds"].get(f"{item.get('apiVersion')} {item.get('kind')}")
        if not known:
            bad.append(f"{where}: no schema for this kind in {item.get('apiVersion')}")
            continue
        validator = jsonschema.Draft7Validator({"$ref": known, "components": schemas["components"]})
        bad += [f"{where}: /{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(item)]


def check_names(objects, bad):
    kinds = {}
    for _, item in objects:
        kinds.setdefault(item["kind"], []).append(item)
    runtime_class, = kinds["RuntimeClass"]
    script, handler = read("node/krun-node"), runtime_class["handler"]
    wanted = [("containerd-v2.toml", f'[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{handler}]'),
              ("containerd-v3.toml", f'[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.{handler}]'),
              ("crio.conf", f"[crio.runtime.runtimes.{handler}]"), ("node/krun-node", f"--name {handler}"),
              *[("node/krun-node", f"label={label}") for label in runtime_class["scheduling"]["nodeSelector"]]]
    folder = re.search(r"\bfolder=(\S+)", script).group(1)
    wanted += [(name, f'"{folder}/krun"') for name in ("containerd-v2.toml", "containerd-v3.toml", "crio.conf")]
    bad += [f"{name}: does not have {text}" for name, text in wanted if text not in read(name)]
    # Both versions say the same.
    bodies = [re.sub(r"(?s)^.*?(?=\[plugins)", "", read(f"containerd-v{version}.toml")).replace(plugin, "") for version, plugin in
              ((2, "io.containerd.grpc.v1.cri"), (3, "io.containerd.cri.v1.runtime"))]
    if bodies[0] != bodies[1]:
        bad.append("containerd-v2.toml and containerd-v3.toml differ in more than the plugin")
    accounts = [item["metadata"]["name"] for item in kinds["ServiceAccount"]]
    for item in kinds["DaemonSet"]:
        spec = item["spec"]["template"]["spec"]
        labels = item["spec"]["template"]["metadata"]["labels"].items()
        words = spec["containers"][0]["args"]
        for good, text in ((spec["serviceAccountName"] in accounts, "has no such account"),
                           (item["spec"]["selector"]["matchLabels"].items() <= labels, "does not select its own pods"),
                           (re.search(rf"^{words[0]}\(\) {{$", script, re.M), f"krun-node knows no {words[0]}")):
            if not good:
                bad.append(f"DaemonSet {item['metadata']['name']}: {text}")
    for pod in kinds["Pod"]:
        if pod["spec"].get("runtimeClassName") != runtime_class["metadata"]["name"]:
            bad.append(f"Pod {pod['metadata']['name']}: its class is another")


def main():
    paths = sorted(glob.glob(os.path.join(FOLDER, "*.yaml")))
    objects = [(os.path.basename(path), item) for path in paths for item in yaml.safe_load_all(read(os.path.basename(path))) if item]
    bad = []
    check_schema(objects, bad)
    if not bad:
        check_names(objects, bad)
    verdict.end(bad, len(objects), 7, "objects")


if __name__ == "__main__":
    try:
        import jsonschema
        import yaml
    except ImportError as error:
        print(f"{error}: python3-jsonschema and python3-yaml have it")
        sys.exit(77)
    main()
