"""Benchmarks: what Hindsight costs beside what it cannot cost less than. See docs/benchmarks.md."""
