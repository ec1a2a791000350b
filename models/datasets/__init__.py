"""Readers of the training and test sets: one file each, no heavy dependencies, nothing copied into the project."""
