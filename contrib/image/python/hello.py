# SPDX-License-Identifier: Apache-2.0
import os
import sys

name = os.uname()
print(f"Hello from Python {sys.version_info.major} on {name.sysname} {name.release}")
