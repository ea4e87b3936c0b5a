# SPDX-License-Identifier: Apache-2.0
"""validate and create agree on every config.json that the grammar makes, good or nearly so."""

import json
import os
import random

import grammar
import sample
from krun import KrunTest

# The reasons of errors about what the machine, its kernel or the image does not have, or does not allow: no words of config.json are wrong.
LACKS = ("missing (ENOENT)", "no directory (ENOTDIR)", "no such device", "something else is there already", "operation not supported",
         "access denied (EACCES)", "not allowed (EPERM)")


class Grammar(KrunTest):
    def findings(self):
        """Returns the findings of validate because of which create has to fail."""
        result = self.krun("validate", "--bundle", self.bundle, "--format", "json")
        self.assertEqual(result.err, "", result)
        return [item for item in json.loads(result.out) if item["severity"] in ("error", "unsupported")]

    def create_error(self):
        """Returns the error of create, None if there is none."""
        result = self.krun("create", "--bundle", self.bundle, self.cid, stdout=self.output, stderr=self.output)
        if result.status == 0:
            self.ok("delete", "--force", self.cid)
            return None
        self.output.seek(0)
        return self.output.read().decode(errors="replace").strip()

    def difference(self, config):
        """Returns what validate and create say differently, None if they agree."""
        with open(os.path.join(self.bundle, "config.json"), "w") as file:
            json.dump(config, file)
        self.output.seek(0)
        self.output.truncate()
        found, error = self.findings(), self.create_error()
        if not found and error and not any(word in error for word in LACKS):
            return f"validate finds nothing, and create: {error}"
        if error is None and [item for item in found if item["severity"] == "error"]:
            return f"create succeeds, and validate: {found}"
        return None

    def test_validate_and_create_agree(self):
        """Each value at an edge once, among good values that the seed chooses; in a short run some of them."""
        dice = random.Random(sample.seed())
        differences = []
        with open(self.log, "wb+") as self.output:
            for edge in sample.pick(grammar.edges() * sample.rounds(1, 1), 120, "grammar"):
                told = self.difference(grammar.document(dice, edge, self.cid))
                if told:
                    differences.append(f"{edge[0]} = {json.dumps(edge[1])[:200]}: {told}")
        self.assertFalse(differences, "\n".join(differences))
