"""The console in a browser, over a running platform; a package, so that its platform ends with its last test."""
