package routes

import "testing"

func TestMatch(t *testing.T) {
	table := New([]Rule{
		{Path: "/", Backend: "root"},
		{Path: "/api/v1/queue", Backend: "queue"},
		{Path: "/api/v1", Backend: "api"},
		{Path: "/api/v1/queue/status", Exact: true, Backend: "status"},
		{Host: "shop.example.com", Path: "/", Backend: "shop"},
		{Host: "*.example.com", Path: "/api/", Backend: "wild"},
	})
	for _, try := range []struct{ host, path, want string }{
		{"x", "/", "root"},
		{"x", "/api/v1", "api"},
		{"x", "/api/v1/", "api"},
		{"x", "/api/v10", "root"},
		{"x", "/api/v1/queue", "queue"},
		{"x", "/api/v1/queues", "api"},
		{"x", "/api/v1/queue/status", "status"},
		{"x", "/api/v1/queue/status/1", "queue"},
		{"SHOP.example.com:8080", "/api/v1", "shop"},
		{"other.example.com", "/api", "wild"},
		{"other.example.com", "/else", "root"},
		{"a.b.example.com", "/api", "root"},
		{"[::1]:80", "/", "root"},
	} {
		if found, _ := table.Match(try.host, try.path); found.Backend != try.want {
			t.Errorf("%s%s: %q, not %q", try.host, try.path, found.Backend, try.want)
		}
	}
}

func TestNoRule(t *testing.T) {
	if rule, found := New([]Rule{{Host: "a", Path: "/x"}}).Match("b", "/x"); found {
		t.Errorf("found %v", rule)
	}
}
