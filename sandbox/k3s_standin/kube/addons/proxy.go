package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"
)

type backendKey struct{}

var errNoEndpoint = errors.New("no available server")

// newProxy forwards each request by the state of that moment.
func newProxy(current func() *state) http.Handler {
	var turn atomic.Uint64
	dialer := &net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		DialContext:         dialer.DialContext,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     30 * time.Second,
		DisableCompression:  true,
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme = "http"
			r.Out.Host = r.In.Host
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			r.SetXForwarded()
		},
		Transport: roundTripper(func(request *http.Request) (*http.Response, error) {
			endpoints, _ := request.Context().Value(backendKey{}).([]string)
			return tryEach(transport, request, endpoints, turn.Add(1))
		}),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if errors.Is(err, context.Canceled) {
				return
			}
			klog.InfoS("Request failed", "path", r.URL.Path, "err", err)
			http.Error(w, "Bad Gateway", http.StatusBadGateway)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := current()
		rule, found := now.table.Match(r.Host, r.URL.Path)
		if !found {
			http.NotFound(w, r)
			return
		}
		endpoints := now.endpoints[rule.Backend]
		if len(endpoints) == 0 {
			http.Error(w, errNoEndpoint.Error(), http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), backendKey{}, endpoints)))
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// tryEach goes on to the next endpoint only when no connection was made: nothing was sent then.
func tryEach(transport http.RoundTripper, request *http.Request, endpoints []string, turn uint64) (*http.Response, error) {
	var last error = errNoEndpoint
	for offset := range endpoints {
		target := endpoints[(int(turn)+offset)%len(endpoints)]
		attempt := request.Clone(request.Context())
		attempt.URL.Host = target
		response, err := transport.RoundTrip(attempt)
		if err == nil {
			return response, nil
		}
		last = err
		var network *net.OpError
		if !errors.As(err, &network) || network.Op != "dial" {
			break
		}
	}
	return nil, last
}
