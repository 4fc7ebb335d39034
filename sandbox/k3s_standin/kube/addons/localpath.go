package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	provisioner    = "rancher.io/local-path"
	storageClass   = "local-path"
	provisionedBy  = "pv.kubernetes.io/provisioned-by"
	selectedNode   = "volume.kubernetes.io/selected-node"
	storageRoot    = "/var/lib/rancher/k3s/storage"
	resyncInterval = 30 * time.Second
)

// provisionerOf makes and removes the directories of one node: it runs on
// every node, so no helper pod has to be started for a directory elsewhere.
type provisionerOf struct {
	client kubernetes.Interface
	node   string
}

func runLocalPath(ctx context.Context, client kubernetes.Interface) error {
	p := &provisionerOf{client: client, node: os.Getenv("NODE_NAME")}
	if p.node == "" {
		return fmt.Errorf("NODE_NAME is not set")
	}
	factory := informers.NewSharedInformerFactory(client, resyncInterval)
	claims := func(object any) {
		if claim, ok := object.(*corev1.PersistentVolumeClaim); ok && p.wanted(claim) {
			p.report("provision", claim, p.provision(ctx, claim))
		}
	}
	volumes := func(object any) {
		if volume, ok := object.(*corev1.PersistentVolume); ok && p.released(volume) {
			p.report("delete", volume, p.remove(ctx, volume))
		}
	}
	for informer, handle := range map[cache.SharedIndexInformer]func(any){
		factory.Core().V1().PersistentVolumeClaims().Informer(): claims,
		factory.Core().V1().PersistentVolumes().Informer():      volumes,
	} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    handle,
			UpdateFunc: func(_, changed any) { handle(changed) },
		}); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	return nil
}

func (p *provisionerOf) report(verb string, object klog.KMetadata, err error) {
	if err != nil {
		klog.ErrorS(err, "Failed", "verb", verb, "object", klog.KObj(object))
		return
	}
	klog.InfoS("Done", "verb", verb, "object", klog.KObj(object))
}

func (p *provisionerOf) wanted(claim *corev1.PersistentVolumeClaim) bool {
	class := claim.Spec.StorageClassName
	return class != nil && *class == storageClass && claim.Spec.VolumeName == "" &&
		claim.DeletionTimestamp == nil && claim.Annotations[selectedNode] == p.node
}

func (p *provisionerOf) released(volume *corev1.PersistentVolume) bool {
	return volume.Annotations[provisionedBy] == provisioner && volume.Annotations[selectedNode] == p.node &&
		volume.Status.Phase == corev1.VolumeReleased && volume.DeletionTimestamp == nil &&
		volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete
}

func (p *provisionerOf) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	name := "pvc-" + string(claim.UID)
	directory := filepath.Join(storageRoot, fmt.Sprintf("%s_%s_%s", name, claim.Namespace, claim.Name))
	if err := os.MkdirAll(directory, 0o777); err != nil {
		return err
	}
	// The user of the pod is not known here; MkdirAll's mode is cut by the umask.
	if err := os.Chmod(directory, 0o777); err != nil {
		return err
	}
	hostPath := corev1.HostPathDirectoryOrCreate
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{provisionedBy: provisioner, selectedNode: p.node},
		},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    claim.Spec.VolumeMode,
			StorageClassName:              storageClass,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: directory, Type: &hostPath},
			},
			ClaimRef: &corev1.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID, ResourceVersion: claim.ResourceVersion,
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{
					Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{p.node},
				}}}},
			}},
		},
	}
	_, err := p.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func (p *provisionerOf) remove(ctx context.Context, volume *corev1.PersistentVolume) error {
	directory := volume.Spec.HostPath.Path
	if filepath.Dir(directory) != storageRoot {
		return fmt.Errorf("%s is not below %s", directory, storageRoot)
	}
	if err := os.RemoveAll(directory); err != nil {
		return err
	}
	return p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
}
