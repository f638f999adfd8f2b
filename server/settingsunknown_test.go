package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestAMistypedSettingIsTold(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	warnOfUnknown(slog.New(slog.NewJSONHandler(&said, nil)), []string{
		"PATH=/bin", "PROOFBACK_ADDR=127.0.0.1:0", "PROOFBACK_ROLE=api", "PROOFBACK_TRUSTED_PROXYS=10.0.0.0/8", "PROOFBACK_JWT_SECRETT=geheim",
	})
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"setting":"PROOFBACK_JWT_SECRETT","nearest":"PROOFBACK_JWT_SECRET"`) ||
		!strings.Contains(lines[1], `"setting":"PROOFBACK_TRUSTED_PROXYS","nearest":"PROOFBACK_TRUSTED_PROXIES"`) || strings.Contains(said.String(), "geheim") {
		t.Errorf("said %s", said.String())
	}
}
