package embedded

import (
	"context"
	"path/filepath"
)

// Running is the URL of the cluster in dir while another process runs it, for a command
// that works beside that process and leaves starting and stopping to it; false when no
// server of this cluster runs, or not one of ours.
func Running(ctx context.Context, dir string) (string, bool) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	data := filepath.Join(dir, "data")
	p, ok, err := readPostmasterPID(data)
	if err != nil || !ok || p.socket.path == "" || identify(ctx, p.pid, data) != isOurs {
		return "", false
	}
	return socketURL(p.socket, databaseName), true
}
