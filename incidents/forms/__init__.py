"""Forms of the incident pages. They read and show; the rules stand in the functions that they hand their values to."""
