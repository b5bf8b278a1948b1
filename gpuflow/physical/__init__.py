"""From logical plans to pipelines and the tasks that run them."""
