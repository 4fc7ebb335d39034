"""The K3s command line, as documented by K3s, over upstream Kubernetes."""
