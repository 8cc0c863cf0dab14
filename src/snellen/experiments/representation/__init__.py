"""LEARNED REPRESENTATIONS: what a loss teaches the code of an autoencoder."""
