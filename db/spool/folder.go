package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/google/uuid"
)

// folder is one process's part of the spool, whose lock we hold.
type folder struct {
	id       uuid.UUID
	path     string
	lock     *os.File
	segments []*Segment // that are no longer written to, oldest first
	next     uint64     // the number of the next segment
	torn     int        // half records that were cut off when it was taken
}

const (
	lockName    = "lock"
	damagedName = "damaged"
)

// lockFile takes a lock, which the kernel gives back however this process ends.
// It gives nil when somebody else has it and how says not to wait.
func lockFile(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// unlock gives a lock back at once. Closing alone would leave it for a moment to a
// child that is being forked.
func unlock(f *os.File) {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	_ = f.Close()
}

// alone calls do while no other process makes, takes or drops a folder of dir.
func alone(dir string, do func() error) error {
	lock, err := lockFile(filepath.Join(dir, lockName), syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock(lock)
	return do()
}

// takeFree takes the folders in dir that nobody uses, also where some cannot be
// taken. The caller is alone.
func takeFree(dir string) ([]*folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var free []*folder
	var errs []error
	for _, e := range entries {
		id, err := uuid.Parse(e.Name())
		if err != nil || !e.IsDir() {
			continue
		}
		f, err := takeFolder(dir, id)
		if err != nil {
			errs = append(errs, err)
		}
		if f != nil {
			free = append(free, f)
		}
	}
	return free, errors.Join(errs...)
}

// takeFolder takes a folder with what is in it; nil when a process is using it.
func takeFolder(dir string, id uuid.UUID) (*folder, error) {
	f := &folder{id: id, path: filepath.Join(dir, id.String()), next: 1}
	var err error
	if f.lock, err = lockFile(filepath.Join(f.path, lockName), syscall.LOCK_EX|syscall.LOCK_NB); err != nil || f.lock == nil {
		return nil, err
	}
	if err := f.load(); err != nil {
		unlock(f.lock)
		return nil, err
	}
	return f, nil
}

// load finds out what the segments hold. Half a record at the very end is cut off:
// once others follow that segment, nobody could tell it from damage.
func (f *folder) load() error {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		number, ok := segmentNumber(e.Name())
		if !ok {
			continue
		}
		f.segments = append(f.segments, &Segment{folder: f, number: number, found: true})
	}
	slices.SortFunc(f.segments, func(a, b *Segment) int { return cmp.Compare(a.number, b.number) })
	if n := len(f.segments); n > 0 {
		f.segments[n-1].last = true
		f.next = f.segments[n-1].number + 1
	}
	for _, g := range f.segments {
		g.measure()
		if g.torn > 0 && g.cutTail() == nil {
			f.torn += g.torn
		}
	}
	return nil
}

// makeFolder makes a new folder. The caller is alone.
func makeFolder(dir string) (*folder, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, id.String()), 0o700); err != nil {
		return nil, err
	}
	f, err := takeFolder(dir, id)
	if err == nil && f == nil {
		err = fmt.Errorf("spool folder %s was taken as it was made", id)
	}
	return f, err
}

// drop removes a folder that is empty. The caller is alone.
func (f *folder) drop() error {
	defer unlock(f.lock)
	if err := os.Remove(filepath.Join(f.path, lockName)); err != nil {
		return err
	}
	err := os.Remove(f.path)
	if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, fs.ErrExist) {
		return nil // somebody keeps files of his own there
	}
	return err
}

// syncFolder makes the names in a folder last.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
