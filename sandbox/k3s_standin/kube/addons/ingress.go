package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"tiketi.io/sandbox/kube/addons/routes"
)

const (
	ingressClass = "traefik"
	// settle gathers the events of one change before the table is built again.
	settle = 20 * time.Millisecond
	drain  = 10 * time.Second
)

type controller struct {
	client  kubernetes.Interface
	factory informers.SharedInformerFactory
	changed chan struct{}
	state   atomic.Pointer[state]
}

// state is everything a request needs; it is replaced whole, so no request sees half a change.
type state struct {
	table        *routes.Table
	endpoints    map[string][]string
	certificates map[string]*tls.Certificate
}

func runIngress(ctx context.Context, client kubernetes.Interface) error {
	c := &controller{
		client:  client,
		factory: informers.NewSharedInformerFactory(client, 0),
		changed: make(chan struct{}, 1),
	}
	if err := c.watch(ctx); err != nil {
		return err
	}
	c.rebuild(ctx)
	go c.follow(ctx)
	return c.serve(ctx)
}

func (c *controller) watch(ctx context.Context) error {
	notify := func(any) {
		select {
		case c.changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    notify,
		UpdateFunc: func(_, changed any) { notify(changed) },
		DeleteFunc: notify,
	}
	for _, informer := range []cache.SharedIndexInformer{
		c.factory.Networking().V1().Ingresses().Informer(),
		c.factory.Networking().V1().IngressClasses().Informer(),
		c.factory.Core().V1().Services().Informer(),
		c.factory.Core().V1().Secrets().Informer(),
		c.factory.Discovery().V1().EndpointSlices().Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	c.factory.Start(ctx.Done())
	for kind, synced := range c.factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("no list of %v", kind)
		}
	}
	return nil
}

func (c *controller) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.changed:
			time.Sleep(settle)
			c.rebuild(ctx)
		}
	}
}

func (c *controller) rebuild(ctx context.Context) {
	fresh := &state{endpoints: map[string][]string{}, certificates: map[string]*tls.Certificate{}}
	var rules []routes.Rule
	for _, ingress := range c.ingresses() {
		rules = append(rules, rulesOf(ingress)...)
		c.addCertificates(ingress, fresh.certificates)
	}
	for _, rule := range rules {
		if _, known := fresh.endpoints[rule.Backend]; !known {
			fresh.endpoints[rule.Backend] = c.endpointsOf(rule.Backend)
		}
	}
	fresh.table = routes.New(rules)
	if before := c.state.Swap(fresh); before == nil || !reflect.DeepEqual(before.endpoints, fresh.endpoints) {
		klog.InfoS("Routes changed", "rules", len(rules), "endpoints", fresh.endpoints)
	}
	c.publish(ctx)
}

func (c *controller) serve(ctx context.Context) error {
	proxy := newProxy(func() *state { return c.state.Load() })
	fallback, err := selfSigned()
	if err != nil {
		return err
	}
	choose := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if found := c.state.Load().certificates[hello.ServerName]; found != nil {
			return found, nil
		}
		return fallback, nil
	}
	health := http.NewServeMux()
	health.HandleFunc("/ping", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK")) })
	servers := []*http.Server{
		{Addr: ":8000", Handler: proxy, ReadHeaderTimeout: 30 * time.Second},
		{Addr: ":8443", Handler: proxy, ReadHeaderTimeout: 30 * time.Second, TLSConfig: &tls.Config{GetCertificate: choose}},
		{Addr: ":8080", Handler: health, ReadHeaderTimeout: 5 * time.Second},
	}
	ended := make(chan error, len(servers))
	for _, server := range servers {
		go func() {
			if server.TLSConfig != nil {
				ended <- server.ListenAndServeTLS("", "")
			} else {
				ended <- server.ListenAndServe()
			}
		}()
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	var all sync.WaitGroup
	for _, server := range servers {
		all.Go(func() {
			if err := server.Shutdown(last); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				klog.ErrorS(err, "Shutdown")
			}
		})
	}
	all.Wait()
	return nil
}

// publish writes the addresses of the load balancer service into every Ingress that is ours.
func (c *controller) publish(ctx context.Context) {
	service, err := c.factory.Core().V1().Services().Lister().Services("kube-system").Get(ingressClass)
	if err != nil {
		return
	}
	var wanted []networkingv1.IngressLoadBalancerIngress
	for _, address := range service.Status.LoadBalancer.Ingress {
		wanted = append(wanted, networkingv1.IngressLoadBalancerIngress{IP: address.IP, Hostname: address.Hostname})
	}
	for _, ingress := range c.ingresses() {
		if reflect.DeepEqual(ingress.Status.LoadBalancer.Ingress, wanted) {
			continue
		}
		updated := ingress.DeepCopy()
		updated.Status.LoadBalancer.Ingress = wanted
		_, err := c.client.NetworkingV1().Ingresses(ingress.Namespace).UpdateStatus(ctx, updated, metav1.UpdateOptions{})
		if err != nil {
			klog.V(1).InfoS("Status not written", "ingress", klog.KObj(ingress), "err", err)
		}
	}
}

// ingresses are those of our class, the oldest first: it keeps a path that a later one also asks for.
func (c *controller) ingresses() []*networkingv1.Ingress {
	all, err := c.factory.Networking().V1().Ingresses().Lister().List(labels.Everything())
	if err != nil {
		return nil
	}
	isDefault := false
	if class, err := c.factory.Networking().V1().IngressClasses().Lister().Get(ingressClass); err == nil {
		isDefault = class.Annotations[networkingv1.AnnotationIsDefaultIngressClass] == "true"
	}
	return ours(all, isDefault)
}
