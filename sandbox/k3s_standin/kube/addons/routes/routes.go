// Package routes finds the rule of an Ingress for a request: exact before
// prefix, longest first, whole path elements only.
package routes

import (
	"cmp"
	"slices"
	"strings"
)

// Rule sends what matches a host and a path to a backend. No host means any.
type Rule struct {
	Host    string
	Path    string
	Exact   bool
	Backend string
}

// Table answers which rule a request meets. It is never changed: a new one takes its place.
type Table struct {
	hosts map[string][]Rule
}

// New sorts rules into a table; of two alike the first given wins.
func New(rules []Rule) *Table {
	table := &Table{hosts: map[string][]Rule{}}
	for _, rule := range rules {
		if rule.Path == "" {
			rule.Path = "/"
		}
		host := strings.ToLower(rule.Host)
		table.hosts[host] = append(table.hosts[host], rule)
	}
	for _, list := range table.hosts {
		slices.SortStableFunc(list, func(a, b Rule) int {
			if a.Exact != b.Exact {
				if a.Exact {
					return -1
				}
				return 1
			}
			return cmp.Compare(len(b.Path), len(a.Path))
		})
	}
	return table
}

// Match finds the rule for a request: its own host first, then a wildcard, then rules for any host.
func (t *Table) Match(host, path string) (Rule, bool) {
	host = strings.ToLower(host)
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:colon]
	}
	candidates := []string{host}
	if _, parent, found := strings.Cut(host, "."); found {
		candidates = append(candidates, "*."+parent)
	}
	for _, candidate := range append(candidates, "") {
		for _, rule := range t.hosts[candidate] {
			if rule.meets(path) {
				return rule, true
			}
		}
	}
	return Rule{}, false
}

func (r Rule) meets(path string) bool {
	if r.Exact {
		return path == r.Path
	}
	prefix := strings.TrimSuffix(r.Path, "/")
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}
