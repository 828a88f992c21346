"""Learning from feature matrices: targets, blocks, studies, stacks, intervals, evaluation."""
