package db

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// setupFile is where a Setup keeps what clicks need of it, for a start while
// Postgres is away.
type setupFile struct {
	path    string
	network string
	written uint32 // the checksum of what it holds; 0 when that is not known

	replace func(path string, b []byte) error // replaceFile
}

// setupFileHead is what the file begins with: what it is, and the version of the
// format. The CRC-32C of the rest follows, and then the set-up as gzipped JSON.
const setupFileHead = "PBSETUP\x01"

// How long is waited after each writing: changes made one after the other are written
// together, and a large set-up that changes all the time takes a twentieth of a core. A
// link that is newer than that is lost to a start while Postgres is away; so what counts
// is the work, and not how long a busy disk had it wait.
const (
	setupFilePause = 100 * time.Millisecond
	setupFileShare = 20 // times as long as it took to make
)

var setupFileTable = crc32.MakeTable(crc32.Castagnoli)

// keptSetup is a snapshot as far as clicks need it. Secrets, names and what
// postbacks are judged by are not in it.
type keptSetup struct {
	Network     string        `json:"network"`
	Terms       []keptTerms   `json:"terms"` // in force
	Counted     []uuid.UUID   `json:"counted"`
	Affiliates  []keptPartner `json:"affiliates"`
	Advertisers []keptPartner `json:"advertisers"`
	Links       []keptLink    `json:"links"`
}

type keptTerms struct {
	ID           uuid.UUID       `json:"id"`
	OfferID      uuid.UUID       `json:"offer_id"`
	AdvertiserID uuid.UUID       `json:"advertiser_id"`
	Version      int             `json:"version"`
	CreatedAt    time.Time       `json:"created_at"`
	Body         proofback.Terms `json:"body"`
}

type keptPartner struct {
	ID     uuid.UUID               `json:"id"`
	Status proofback.PartnerStatus `json:"status"`
}

type keptLink struct {
	ID        uuid.UUID              `json:"id"`
	Code      string                 `json:"code"`
	Terms     uuid.UUID              `json:"terms"`
	Affiliate uuid.UUID              `json:"affiliate"`
	Access    proofback.AccessStatus `json:"access,omitempty"`
	Archived  bool                   `json:"archived,omitempty"`
}

// KeepIn has Run keep in a file what clicks need of the set-up, and write it anew
// soon after each change. network names the database it is of (Store.Network). It
// must be called before Run.
func (u *Setup) KeepIn(path, network string) {
	u.file = &setupFile{path: path, network: network, replace: replaceFile}
}

// keepForever writes the file now and after each change, until ctx ends.
func (u *Setup) keepForever(ctx context.Context) {
	for {
		worked, err := u.file.write(u.Snapshot())
		if err != nil {
			u.store.log.LogAttrs(ctx, slog.LevelError, "the set-up cannot be kept for a start without postgres", slog.Any("error", err))
		}
		if !wait(ctx, max(setupFilePause, setupFileShare*worked)) {
			break
		}
		select {
		case <-ctx.Done():
		case <-u.unkept:
			continue
		}
		break
	}
	select {
	case <-u.unkept:
		_, _ = u.file.write(u.Snapshot()) // the last change; the one before is kept otherwise
	default:
	}
}

// write writes the file, unless it holds this already, and gives how long it took to make.
func (f *setupFile) write(n *Snapshot) (worked time.Duration, err error) {
	began := time.Now()
	text, err := json.Marshal(n.kept(f.network))
	if err != nil {
		return time.Since(began), err
	}
	sum := crc32.Checksum(text, setupFileTable)
	if sum == f.written {
		return time.Since(began), nil
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(text) // into memory
	_ = z.Close()
	b := binary.LittleEndian.AppendUint32([]byte(setupFileHead), crc32.Checksum(packed.Bytes(), setupFileTable))
	b = append(b, packed.Bytes()...)
	worked = time.Since(began)
	if err := f.replace(f.path, b); err != nil {
		return worked, err
	}
	f.written = sum
	return worked, nil
}

// replaceFile writes a file that is there as a whole or not at all, and stays when
// the power fails. Only its owner can read it.
func replaceFile(path string, b []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// kept gives what is kept of a snapshot, in an order that does not change.
func (n *Snapshot) kept(network string) *keptSetup {
	k := &keptSetup{Network: network}
	partners := map[uuid.UUID]proofback.PartnerStatus{}
	for _, code := range slices.Sorted(maps.Keys(n.links)) {
		l := n.links[code]
		k.Links = append(k.Links, keptLink{l.ID, l.Code, l.Terms.ID, l.Affiliate.ID, l.Access, l.Archived})
		partners[l.Affiliate.ID] = l.Affiliate.Status
	}
	k.Affiliates = keptPartners(partners)
	clear(partners)
	for id, a := range n.advertisers {
		partners[id] = a.Status
	}
	k.Advertisers = keptPartners(partners)
	for _, t := range n.terms {
		k.Terms = append(k.Terms, keptTerms{t.ID, t.OfferID, t.AdvertiserID, t.Version, t.CreatedAt, *t})
	}
	slices.SortFunc(k.Terms, func(a, b keptTerms) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	for id := range n.counted {
		k.Counted = append(k.Counted, id)
	}
	slices.SortFunc(k.Counted, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return k
}

func keptPartners(statuses map[uuid.UUID]proofback.PartnerStatus) []keptPartner {
	list := make([]keptPartner, 0, len(statuses))
	for id, status := range statuses {
		list = append(list, keptPartner{id, status})
	}
	slices.SortFunc(list, func(a, b keptPartner) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	return list
}

// RestoreSetup gives the set-up that an earlier process kept in a file, and the
// name of the database it is of. It knows the links of then and nothing else,
// until Refresh. fs.ErrNotExist says that there is none.
func (s *Store) RestoreSetup(path string) (u *Setup, network string, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	var k keptSetup
	if err := readSetupFile(b, &k); err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	u = s.newSetup()
	u.current.Store(u.restore(&k))
	return u, k.Network, nil
}

func readSetupFile(b []byte, into *keptSetup) error {
	b, ok := bytes.CutPrefix(b, []byte(setupFileHead))
	if !ok || len(b) < 4 {
		return errors.New("this is no set-up in this version's format")
	}
	packed := b[4:]
	if binary.LittleEndian.Uint32(b) != crc32.Checksum(packed, setupFileTable) {
		return errors.New("it is damaged")
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// restore makes a snapshot of what was kept.
func (u *Setup) restore(k *keptSetup) *Snapshot {
	n := &Snapshot{
		links:       make(map[string]*Link, len(k.Links)),
		advertisers: make(map[uuid.UUID]*proofback.Advertiser, len(k.Advertisers)),
		terms:       make(map[uuid.UUID]*proofback.Terms, len(k.Terms)),
		counted:     make(map[uuid.UUID]bool, len(k.Counted)),
	}
	for i := range k.Terms {
		t := &k.Terms[i]
		terms := t.Body
		terms.ID, terms.OfferID, terms.AdvertiserID, terms.Version, terms.CreatedAt = t.ID, t.OfferID, t.AdvertiserID, t.Version, t.CreatedAt
		n.terms[t.ID] = &terms
	}
	for _, id := range k.Counted {
		n.counted[id] = true
	}
	for _, a := range k.Advertisers {
		n.advertisers[a.ID] = &proofback.Advertiser{ID: a.ID, Status: a.Status}
	}
	affiliates := make(map[uuid.UUID]*proofback.Affiliate, len(k.Affiliates))
	for _, a := range k.Affiliates {
		affiliates[a.ID] = &proofback.Affiliate{ID: a.ID, Status: a.Status}
	}
	u.readLandings(context.Background(), n)
	for _, l := range k.Links {
		terms, affiliate := n.terms[l.Terms], affiliates[l.Affiliate]
		if terms == nil || affiliate == nil || n.landings[l.Terms] == nil || n.advertisers[terms.AdvertiserID] == nil {
			continue
		}
		n.links[l.Code] = &Link{
			ID:         l.ID,
			Code:       l.Code,
			Terms:      terms,
			Landing:    n.landings[l.Terms],
			Affiliate:  affiliate,
			Advertiser: n.advertisers[terms.AdvertiserID],
			Access:     l.Access,
			Archived:   l.Archived,
		}
	}
	return n
}
