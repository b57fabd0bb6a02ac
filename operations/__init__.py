"""The operation delegate: what BaSyx invokes and what writes cycles, predictions and alerts into the AAS."""
