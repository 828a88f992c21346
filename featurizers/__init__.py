"""FEATURIZERS: every featurizer by name, in column order."""
