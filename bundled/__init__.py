"""How the bundled prior is made: renders of the demo generator, then one long training. See docs/bundled-prior.md."""
