"""The one file in which a study keeps its sessions and answers."""
