package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tiketi.io/sandbox/kube/addons/routes"
)

const legacyClass = "kubernetes.io/ingress.class"

func ours(all []*networkingv1.Ingress, isDefault bool) []*networkingv1.Ingress {
	found := slices.DeleteFunc(slices.Clone(all), func(ingress *networkingv1.Ingress) bool {
		if ingress.Spec.IngressClassName != nil {
			return *ingress.Spec.IngressClassName != ingressClass
		}
		if class, named := ingress.Annotations[legacyClass]; named {
			return class != ingressClass
		}
		return !isDefault
	})
	slices.SortFunc(found, func(a, b *networkingv1.Ingress) int {
		if order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); order != 0 {
			return order
		}
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return found
}

// backendName is namespace/service/port, the port as its name or number.
func backendName(namespace string, backend *networkingv1.IngressServiceBackend) string {
	port := backend.Port.Name
	if port == "" {
		port = strconv.Itoa(int(backend.Port.Number))
	}
	return fmt.Sprintf("%s/%s/%s", namespace, backend.Name, port)
}

func rulesOf(ingress *networkingv1.Ingress) []routes.Rule {
	var found []routes.Rule
	for _, rule := range ingress.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for _, path := range rule.HTTP.Paths {
			if path.Backend.Service == nil {
				continue
			}
			found = append(found, routes.Rule{
				Host:    rule.Host,
				Path:    path.Path,
				Exact:   path.PathType != nil && *path.PathType == networkingv1.PathTypeExact,
				Backend: backendName(ingress.Namespace, path.Backend.Service),
			})
		}
	}
	if fallback := ingress.Spec.DefaultBackend; fallback != nil && fallback.Service != nil {
		found = append(found, routes.Rule{Path: "/", Backend: backendName(ingress.Namespace, fallback.Service)})
	}
	return found
}

func (c *controller) endpointsOf(backend string) []string {
	parts := strings.SplitN(backend, "/", 3)
	service, err := c.factory.Core().V1().Services().Lister().Services(parts[0]).Get(parts[1])
	if err != nil {
		return nil
	}
	index := slices.IndexFunc(service.Spec.Ports, func(port corev1.ServicePort) bool {
		return port.Name == parts[2] || strconv.Itoa(int(port.Port)) == parts[2]
	})
	if index < 0 {
		return nil
	}
	lists, err := c.factory.Discovery().V1().EndpointSlices().Lister().EndpointSlices(parts[0]).List(
		labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: parts[1]}))
	if err != nil {
		return nil
	}
	var found []string
	for _, slice := range lists {
		found = append(found, ready(slice, service.Spec.Ports[index].Name)...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func ready(slice *discoveryv1.EndpointSlice, portName string) []string {
	var found []string
	for _, port := range slice.Ports {
		if port.Port == nil || (port.Name != nil && *port.Name != portName) {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready {
				continue
			}
			for _, address := range endpoint.Addresses {
				found = append(found, net.JoinHostPort(address, strconv.Itoa(int(*port.Port))))
			}
		}
	}
	return found
}

func (c *controller) addCertificates(ingress *networkingv1.Ingress, into map[string]*tls.Certificate) {
	for _, entry := range ingress.Spec.TLS {
		secret, err := c.factory.Core().V1().Secrets().Lister().Secrets(ingress.Namespace).Get(entry.SecretName)
		if err != nil {
			continue
		}
		pair, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
		if err != nil {
			continue
		}
		for _, host := range entry.Hosts {
			into[host] = &pair
		}
	}
}

// selfSigned is shown for hosts without a certificate of their own, as Traefik does.
func selfSigned() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "TRAEFIK DEFAULT CERT"},
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		DNSNames:     []string{"default.traefik"},
	}
	content, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{content}, PrivateKey: key}, nil
}
