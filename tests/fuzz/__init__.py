"""Long runs that look for faults at random. Each has a target in the Makefile, and a short form in the suite."""
