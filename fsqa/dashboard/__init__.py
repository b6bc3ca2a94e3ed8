"""W&B's side of a study: sending its runs, and the page there that compares them."""
