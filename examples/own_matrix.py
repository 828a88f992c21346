"""The stack alone, on a matrix of your own, as a scikit-learn estimator.

Run it anywhere: `python examples/own_matrix.py`.
"""

import numpy as np

from virality.modeling.regressor import ViralityRegressor


def main() -> None:
    """Fit on 150 rows, predict 50 with intervals."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6))
    y = 3 + 0.8 * x[:, 0] - 0.5 * np.abs(x[:, 1]) + rng.normal(0, 0.2, 200)
    model = ViralityRegressor().fit(x[:150], y[:150])
    interval = model.predict_interval(x[150:])
    held = np.mean((y[150:] >= interval[:, 0]) & (y[150:] <= interval[:, 1]))
    error = np.mean(np.abs(model.predict(x[150:]) - y[150:]))
    constant = np.mean(np.abs(np.median(y[:150]) - y[150:]))
    print(f"mean error {error:.2f}, of a constant {constant:.2f}; intervals held {held:.0%}")


if __name__ == "__main__":
    main()
