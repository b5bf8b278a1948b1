"""From pipelines to modules of kernels: `rows` writes what happens to a row, the skeletons loop over rows, `modules` loads."""
