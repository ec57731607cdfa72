"""How the platform is started, watched, examined and stopped: everything beside the data path."""
