"""The operator's screen: shows and operates the battery twin through the AAS environment's REST API alone."""
