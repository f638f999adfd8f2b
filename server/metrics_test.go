package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// told are the names of the samples in a text of Prometheus's format, each with its
// first line.
func told(text string) map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		names[line[:strings.IndexAny(line, "{ ")]] = line
	}
	return names
}

var (
	ourMetric    = regexp.MustCompile(`\b(?:proofback|process|go)_\w+`)
	quotedString = regexp.MustCompile(`"[^"]*"`)
)

// metricsOf are the metrics that an expression names.
func metricsOf(expr string) []string {
	return ourMetric.FindAllString(quotedString.ReplaceAllString(expr, `""`), -1)
}

// Every metric that the dashboard and the alert rules ask for is there, from the
// start of a program on: a panel without data says nothing about why.
func TestTheDashboardAndTheAlertsAskForMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	p, _ := startOnNewDatabase(t)
	asked := map[string][]string{}
	for where, exprs := range map[string][]string{"grafana-dashboard.json": dashboardExprs(t), "alerts.yaml": alertExprs(t)} {
		if len(exprs) < 20 {
			t.Errorf("%s has %d expressions", where, len(exprs))
		}
		for _, expr := range exprs {
			names := metricsOf(expr)
			if len(names) == 0 {
				t.Errorf("%s: nothing is asked for by %s", where, expr)
			}
			for _, name := range names {
				asked[name] = append(asked[name], where+": "+expr)
			}
		}
	}
	p.clickOnce()
	p.wantAnswer("/metrics", 200, `proofback_queue_limit{kind="click_bytes"} `) // clicks are refused by either, and the alert asks of all kinds
	var missing []string
	t.Cleanup(func() {
		for _, name := range missing {
			t.Errorf("there is no %s, which is asked for in %q", name, asked[name])
		}
	})
	eventually(t, "all metrics that are asked for are there", func() bool {
		_, text := p.get("/metrics")
		there := told(text)
		missing = slices.DeleteFunc(slices.Sorted(maps.Keys(asked)), func(name string) bool { return there[name] != "" })
		return len(missing) == 0
	})
}

func dashboardExprs(t *testing.T) (exprs []string) {
	t.Helper()
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Definition string } }
	}
	readOps(t, "grafana-dashboard.json", json.Unmarshal, &board)
	for _, v := range board.Templating.List {
		if v.Definition != "" {
			exprs = append(exprs, v.Definition)
		}
	}
	seen := map[int]bool{}
	for _, p := range board.Panels {
		if seen[p.ID] || p.Title == "" || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d %q: a number of its own, a title and a question are wanted", p.ID, p.Title)
		}
		seen[p.ID] = true
		for _, target := range p.Targets {
			exprs = append(exprs, target.Expr)
		}
	}
	return exprs
}

func alertExprs(t *testing.T) (exprs []string) {
	t.Helper()
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For string
				Labels           map[string]string
				Annotations      map[string]string
			}
		}
	}
	readOps(t, "alerts.yaml", func(text []byte, into any) error { return yaml.Unmarshal(text, into) }, &rules)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if s := r.Labels["severity"]; s != "page" && s != "ticket" {
				t.Errorf("%s has severity %q", r.Alert, s)
			}
			if len(r.Annotations["summary"]) < 40 {
				t.Errorf("%s does not say what to do", r.Alert)
			}
			exprs = append(exprs, r.Expr)
		}
	}
	return exprs
}

func readOps(t *testing.T, name string, unmarshal func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "ops", name))
	if err == nil {
		err = unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// The names follow Prometheus's conventions, and whatever is asked of the program
// makes no more series than there are routes and kinds of things.
func TestMetricsAreNamedWellAndBounded(t *testing.T) {
	t.Parallel()
	p, _ := startOnNewDatabase(t)
	for i := range 12 {
		p.get(fmt.Sprintf("/c/guess-%d?sub1=%d", i, i))
		p.get(fmt.Sprintf("/unheard-of/%d", i))
		p.get(fmt.Sprintf("/postback/key-%d?click_id=%d", i, i))
	}
	_, text := p.get("/metrics")
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
	if strings.Contains(text, "guess-1") || strings.Contains(text, "key-1") || strings.Contains(text, "unheard-of") {
		t.Error("a label tells what was asked for")
	}
	series := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return line == "" || line[0] == '#' })
	if len(series) > 800 {
		t.Errorf("%d series", len(series))
	}
}
