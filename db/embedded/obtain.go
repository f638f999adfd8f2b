package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"
)

const obtainTimeout = 10 * time.Minute

// source is one way to come by Postgres where a machine has none.
type source struct {
	name string
	get  func(context.Context) error
}

// Obtain finds an install for a cluster of the given major version (0: a new one),
// and gets one where there is none at all.
func Obtain(ctx context.Context, log *slog.Logger, major int) (Install, error) {
	if in, ok := choose(find(ctx), major); ok {
		return in, nil
	}
	ctx, cancel := context.WithTimeout(ctx, obtainTimeout)
	defer cancel()
	var failed []string
	for _, s := range []source{{"apt-get", aptInstall}, {"brew", brewInstall}, {"npm", npmInstall}} {
		if _, err := exec.LookPath(s.name); err != nil {
			continue
		}
		log.InfoContext(ctx, "no postgres on this machine, installing it", "with", s.name)
		err := s.get(ctx)
		if in, ok := choose(find(ctx), major); ok {
			return in, nil
		}
		if ctx.Err() != nil {
			return Install{}, ctx.Err()
		}
		if err == nil {
			err = fmt.Errorf("it brought none that is new enough and runs here")
		}
		failed = append(failed, s.name+": "+err.Error())
	}
	if len(failed) == 0 {
		failed = []string{"no apt-get, brew or npm to get it with"}
	}
	return Install{}, fmt.Errorf("no Postgres %d or newer on this machine (%s): install one (Debian: apt-get install postgresql; macOS: brew install postgresql@17) or set DATABASE_URL to a server of yours",
		minMajor, strings.Join(failed, "; "))
}

func aptInstall(ctx context.Context) error {
	apt := []string{"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120"}
	if os.Geteuid() != 0 {
		if err := run(ctx, "sudo", "-n", "true"); err != nil {
			return fmt.Errorf("neither root nor sudo without a password")
		}
		apt = append([]string{"sudo", "-n"}, apt...)
	}
	if err := run(ctx, append(apt, "update")...); err != nil {
		return err
	}
	return run(ctx, append(apt, "install", "--no-install-recommends", "postgresql")...)
}

func brewInstall(ctx context.Context) error { return run(ctx, "brew", "install", "postgresql@17") }

// run runs a command; its error ends with the last line that the command wrote.
func run(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, lastLine(out))
	}
	return nil
}
