"""OpenCV on one thread: workers already use every core, and threads change sums in the last bit."""

from typing import Any


def load_opencv() -> Any:
    """Return the module cv2, set to one thread and to no GPU for this process.

    It is set at every call, as other code in the process may have set something else.
    """
    import cv2

    cv2.setNumThreads(1)
    cv2.ocl.setUseOpenCL(False)
    return cv2
