package embedded

import (
	"archive/tar"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func tarball(t *testing.T, files map[string]string) string {
	t.Helper()
	path := filepath.Join(tempDir(t), "package.tgz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zw := gzip.NewWriter(f)
	tw := tar.NewWriter(zw)
	for name, text := range files {
		if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnpackKeepsTheServerAndMendsItsLinks(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "postgres")
	err := unpack(tarball(t, map[string]string{
		"package/package.json":             "{}",
		"package/native/bin/postgres":      "elf",
		"package/native/lib/libpq.so.5.17": "lib",
		"package/native/pg-symlinks.json":  `[{"source":"native/lib/libpq.so.5.17","target":"native/lib/libpq.so.5"}]`,
	}), dir)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "lib", "libpq.so.5")); string(text) != "lib" {
		t.Errorf("got %q, %v", text, err)
	}
	if fi, err := os.Stat(filepath.Join(dir, "bin", "postgres")); err != nil || fi.Mode().Perm()&0o555 != 0o555 {
		t.Errorf("got %v, %v", fi, err)
	}
}

func TestUnpackDoesNotLeaveItsFolder(t *testing.T) {
	t.Parallel()
	parent := tempDir(t)
	for _, files := range []map[string]string{
		{"package/native/../../../../outside": "x"},
		{"package/native/pg-symlinks.json": `[{"source":"/etc/passwd","target":"native/../../outside"}]`},
	} {
		err := unpack(tarball(t, files), filepath.Join(parent, "postgres"))
		if err == nil {
			t.Errorf("%v was unpacked", files)
		}
		if _, err := os.Lstat(filepath.Join(parent, "outside")); err == nil {
			t.Errorf("%v left the folder", files)
		}
		if err := os.RemoveAll(filepath.Join(parent, "postgres")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestATarballOtherThanThePinnedOneIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "x.tgz")
	writeText(t, path, "something else")
	for _, pkg := range npmPackages {
		if err := checkSum(path, pkg.sha512); err == nil || !strings.Contains(err.Error(), pkg.sha512) {
			t.Errorf("got %v", err)
		}
	}
}
