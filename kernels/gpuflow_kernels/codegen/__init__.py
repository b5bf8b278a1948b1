"""From pipelines to modules of kernels: `row_source` writes a row, skeletons loop over rows, `modules` loads."""
