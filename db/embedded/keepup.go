package embedded

import (
	"context"
	"time"
)

// How long is waited before a server that has ended by itself is started again. The
// first time is soon; from then on longer and longer, until one has lasted.
const (
	restartPauseMin = 100 * time.Millisecond
	restartPauseMax = 30 * time.Second
	restartLasted   = time.Minute
)

// keepUp starts the server again whenever it ends by itself, until ctx ends.
func (c *Cluster) keepUp(ctx context.Context) {
	pause := restartPauseMin
	for began := time.Now(); ; began = time.Now() {
		select {
		case <-c.server.exited:
		case <-ctx.Done():
			return
		}
		if time.Since(began) > restartLasted {
			pause = restartPauseMin
		}
		for !c.startAgain(ctx, pause) {
			if ctx.Err() != nil {
				return
			}
			pause = min(2*pause, restartPauseMax)
		}
		pause = min(2*pause, restartPauseMax)
	}
}

// startAgain waits, and starts the server once more, at the same URL.
func (c *Cluster) startAgain(ctx context.Context, wait time.Duration) bool {
	if pause(ctx, wait) != nil {
		return false
	}
	began := time.Now()
	server, err := c.relaunch(ctx)
	switch {
	case err == nil:
		c.server = server
		c.config.Log.InfoContext(ctx, "postgres is up again", "pid", server.pid(), "took_ms", time.Since(began).Milliseconds())
	case ctx.Err() == nil:
		c.config.Log.ErrorContext(ctx, "postgres cannot be started again yet", "error", err, "waited", wait.String())
	}
	return err == nil
}

// relaunch starts the server where one has been. What a killed one left in memory
// takes a moment to go; until then it fails.
func (c *Cluster) relaunch(ctx context.Context) (*server, error) {
	left, ok, err := readPostmasterPID(c.dataDir())
	if err != nil {
		return nil, err
	}
	if ok {
		if err := c.endFormer(ctx, left); err != nil {
			return nil, err
		}
	}
	c.socket.clear()
	return c.launch(ctx)
}
