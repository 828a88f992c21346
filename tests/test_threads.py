"""While folds run side by side every BLAS keeps to one thread, also one that is loaded later."""

import json
import subprocess
import sys

ASK = """
import json
from threadpoolctl import threadpool_info
from virality.modeling.threads import one_blas_thread

with one_blas_thread():
    import numpy
    import scipy.linalg

    scipy.linalg.cho_factor(numpy.eye(3))
    found = [one for one in threadpool_info() if one["user_api"] == "blas"]
print(json.dumps([[one["filepath"], one["num_threads"]] for one in found]))
"""


def test_every_blas_keeps_to_one_thread():
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found
    assert {threads for _, threads in found} == {1}
