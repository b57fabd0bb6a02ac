"""The Asset Administration Shell side of the twin: what the shells contain, packages, and the REST client.

Start with `shell` (what makes up one cell), then one module per submodel; `client` talks to the AAS environment.
"""
