package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/klog/v2"
)

const dialTimeout = 2 * time.Second

// newBalancerCommand is the client load balancer of an agent: one loopback
// address for the kubelet and kube-proxy, all servers behind it.
func newBalancerCommand() *cobra.Command {
	var listen, servers string
	command := &cobra.Command{
		Use:          "balancer",
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			return runBalancer(command.Context(), listen, servers)
		},
	}
	command.SetContext(genericapiserver.SetupSignalContext())
	command.Flags().StringVar(&listen, "listen", "127.0.0.1:6444", "address to listen on")
	command.Flags().StringVar(&servers, "servers", "", "file with one server address a line, read for every connection")
	return command
}

func runBalancer(ctx context.Context, listen, servers string) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	for {
		client, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go serve(client, servers)
	}
}

func serve(client net.Conn, servers string) {
	defer client.Close()
	server, err := dialFirst(servers)
	if err != nil {
		klog.ErrorS(err, "No server answers")
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			// One side ended: the other must not wait for it for ever.
			_ = pair[0].SetDeadline(time.Now().Add(dialTimeout))
			_ = pair[1].SetDeadline(time.Now().Add(dialTimeout))
		})
	}
	both.Wait()
}

func dialFirst(servers string) (net.Conn, error) {
	content, err := os.ReadFile(servers)
	if err != nil {
		return nil, err
	}
	faults := []error{errors.New("no address left in " + servers)}
	for _, address := range strings.Fields(string(content)) {
		connection, err := net.DialTimeout("tcp", address, dialTimeout)
		if err == nil {
			return connection, nil
		}
		faults = append(faults, err)
	}
	return nil, errors.Join(faults...)
}
