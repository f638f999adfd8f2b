package main_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// What the README tells newcomers to type is typed here, as it stands.
func TestTheReadmesExampleWorksAsWritten(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	p, _ := startOnNewDatabase(t)
	script := strings.Builder{}
	for _, block := range shellBlock.FindAllStringSubmatch(string(readme), -1) {
		for line := range strings.Lines(block[1]) {
			// The reader has typed the next line by the time that a delivery is made.
			if strings.Contains(line, "/demo/sink") {
				script.WriteString(`for n in $(seq 300); do curl -s "$BASE/demo/sink" | grep -q "$CLICK.*state=approved" && break || sleep 0.1; done` + "\n")
			}
			script.WriteString(strings.Replace(line, "http://127.0.0.1:8080", p.url, 1))
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script.String())
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"302 Found", `"result":"accepted"`, `"result":"duplicate"`, `"UNRESOLVED_MACRO"`, `"status":"APPROVED"`,
		"state=pending", "state=approved", `"kind":"CLICK"`, `"kind":"ATTEMPT"`, "decided by manager@demo.example",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is missing in\n%s", want, out)
		}
	}
}
