package main

import (
	_ "k8s.io/client-go/informers"
	_ "sigs.k8s.io/metrics-server/cmd/metrics-server/app"
	_ "github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/forward"
)

func main() {}
