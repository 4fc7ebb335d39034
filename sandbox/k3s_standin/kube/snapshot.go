package main

import (
	"encoding/json"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
)

// newSnapshotCommand saves, describes and restores etcd snapshots by the
// library behind etcdutl, whose own command package clashes with ours.
func newSnapshotCommand() *cobra.Command {
	logger, err := zap.NewProduction()
	if err != nil {
		logger = zap.NewNop()
	}
	manager := snapshot.NewV3(logger)
	command := &cobra.Command{Use: "etcd-snapshot", SilenceUsage: true}

	var endpoint string
	var tls transport.TLSInfo
	save := &cobra.Command{Use: "save FILE", Args: cobra.ExactArgs(1), RunE: func(command *cobra.Command, args []string) error {
		config, err := tls.ClientConfig()
		if err != nil {
			return err
		}
		_, err = manager.Save(command.Context(), clientv3.Config{
			Endpoints: []string{endpoint}, TLS: config, DialTimeout: 5 * time.Second,
		}, args[0])
		return err
	}}
	save.Flags().StringVar(&endpoint, "endpoint", "https://127.0.0.1:2379", "etcd server")
	save.Flags().StringVar(&tls.TrustedCAFile, "cacert", "", "CA of the etcd server")
	save.Flags().StringVar(&tls.CertFile, "cert", "", "client certificate")
	save.Flags().StringVar(&tls.KeyFile, "key", "", "client key")

	status := &cobra.Command{Use: "status FILE", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error {
		found, err := manager.Status(args[0])
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(found)
	}}

	var name, peer, dataDir string
	restore := &cobra.Command{Use: "restore FILE", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error {
		return manager.Restore(snapshot.RestoreConfig{
			SnapshotPath: args[0], Name: name, OutputDataDir: dataDir, PeerURLs: []string{peer},
			InitialCluster: name + "=" + peer, InitialClusterToken: "etcd-cluster",
		})
	}}
	restore.Flags().StringVar(&name, "name", "", "name of the only member")
	restore.Flags().StringVar(&peer, "peer-url", "", "peer URL of the only member")
	restore.Flags().StringVar(&dataDir, "data-dir", "", "new data directory")

	command.AddCommand(save, status, restore)
	return command
}
