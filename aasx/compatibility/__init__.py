"""What the twin needs of an AAS environment, tried on a running one (`scripts/check_environment.py`).

`probe.run` tries everything in a scratch submodel and shell, and takes them away again.
"""
