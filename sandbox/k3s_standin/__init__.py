"""A K3s stand-in for machines that do not reach the K3s release page."""
