"""Predict how far a short video will go, and say why.

Importing this package is cheap; the parts are `virality.data`, `virality.featurizers`,
`virality.modeling`, `virality.reports` and `virality.workflow`.
"""

__version__ = "0.1.0"
