"""What must be set before the tests import anything large; pytest loads it first (.pytest.ini)."""

import os
import sys

# Two notebooks run side by side; where each took all cores, they would wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# jsonschema, which nbval brings along, would spend a second of each process on a grammar of
# international web addresses; it does without where this module cannot be imported.
sys.modules.setdefault("rfc3987_syntax", None)

if sys.platform == "linux":
    from course.tests import forked_kernels

    forked_kernels.use()
