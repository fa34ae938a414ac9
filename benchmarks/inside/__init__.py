"""What runs inside an installation, with Django set up: see `benchmarks.inside.__main__`."""
