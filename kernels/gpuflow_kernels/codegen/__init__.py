"""From pipelines to modules of kernels: `row_source` writes what happens to a row, the skeletons loop over rows, `modules` loads."""
