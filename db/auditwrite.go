package db

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// maxAudited is how many things an entry names at most; what is done to more is found
// by its time and request id.
const maxAudited = 1000

// secretColumns are told of in the audit log only as having changed.
var secretColumns = map[string]bool{"secret": true, "old_secret": true, "password_hash": true, "hash": true, "totp_secret": true}

// masked is what stands for them.
const masked = `"***"`

// changed has the audit log tell what the transaction makes of a thing: rows, or values
// that JSON can write, before and after; nil where it was not there.
func (t *tx) changed(kind proofback.Kind, id uuid.UUID, before, after any) {
	if t.actor.Operation == "" || len(t.changes) == maxAudited {
		return
	}
	t.changes = append(t.changes, proofback.AuditChange{Kind: kind, ID: id, Fields: t.difference(before, after)})
}

// touched has the audit log name things without saying what became of them: it is told
// elsewhere, or nothing that is stored.
func (t *tx) touched(kind proofback.Kind, ids ...uuid.UUID) {
	for _, id := range ids {
		if id != uuid.Nil {
			t.changed(kind, id, nil, nil)
		}
	}
}

// difference gives the fields in which two values differ, by name.
func (t *tx) difference(before, after any) []proofback.AuditField {
	old, now := t.fields(before), t.fields(after)
	names := map[string]bool{}
	for name := range old {
		names[name] = true
	}
	for name := range now {
		names[name] = true
	}
	var list []proofback.AuditField
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f := proofback.AuditField{Name: name, Before: text(old[name]), After: text(now[name])}
		if f.Before == f.After || name == "id" {
			continue
		}
		if secretColumns[name] {
			if f.After == "" {
				continue // it was not read, and is not written
			}
			f.After = masked
			if f.Before != "" {
				f.Before = masked
			}
		}
		list = append(list, f)
	}
	return list
}

// text is a value as the log has it: nothing for null and for what is empty.
func text(value json.RawMessage) string {
	switch s := string(value); s {
	case "null", `""`:
		return ""
	default:
		return s
	}
}

// fields takes a row apart by its columns, and any other value by its JSON.
func (t *tx) fields(value any) map[string]json.RawMessage {
	v := reflect.ValueOf(value)
	if value == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	fields := map[string]json.RawMessage{}
	if v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
		if _, isRow := v.Elem().Type().FieldByName("BaseModel"); isRow {
			for _, f := range t.Dialect().Tables().Get(v.Elem().Type()).Fields {
				if column := f.Value(v.Elem()); !f.NullZero || !column.IsZero() {
					fields[f.Name] = asJSON(column.Interface())
				}
			}
			return fields
		}
	}
	_ = json.Unmarshal(asJSON(value), &fields) // what is no object has no fields
	return fields
}

func asJSON(value any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return json.RawMessage(`"?"`) // a value that has no JSON; none of ours
	}
	return bytes.TrimSpace(b.Bytes())
}

// audit adds what the transaction did to the audit log: who acts is whom it is opened
// for, or whom it found out.
func (t *tx) audit(ctx context.Context) error {
	if t.actor.Operation == "" {
		return nil
	}
	who := t.actor
	if t.who != nil {
		who = *t.who
	}
	row := &auditLogRow{
		ID:           newID(),
		At:           t.now,
		Operation:    t.actor.Operation,
		Role:         who.Role,
		UserID:       who.UserID,
		APIKeyID:     who.APIKeyID,
		AffiliateID:  who.AffiliateID,
		AdvertiserID: who.AdvertiserID,
		RequestID:    t.actor.RequestID,
		Objects:      make([]uuid.UUID, len(t.changes)),
		Changes:      t.changes,
	}
	for i, c := range t.changes {
		row.Objects[i] = c.ID
	}
	if row.Changes == nil {
		row.Changes = []proofback.AuditChange{}
	}
	return t.asOwner(ctx, func() error {
		_, err := t.NewInsert().Model(row).Exec(ctx)
		return err
	})
}

// noteDone adds an operation to the audit log that was not done in one transaction of
// the actor's, with the things that it was about.
func (s *Store) noteDone(ctx context.Context, actor proofback.Actor, kind proofback.Kind, ids ...uuid.UUID) error {
	if actor.Operation == "" {
		return nil
	}
	return s.tx(context.WithoutCancel(ctx), actor, func(_ context.Context, tx *tx) error {
		tx.touched(kind, ids...)
		return nil
	})
}

// NoteDone adds to the audit log what somebody did by other means than the Store's, such
// as River's pages: the actor's Operation, what kind of thing it was about, and what is to
// be told of it. Only for an ADMIN.
func (s *Store) NoteDone(ctx context.Context, actor proofback.Actor, kind proofback.Kind, told map[string]string) error {
	if err := actor.RequireAdmin(); err != nil {
		return err
	}
	return s.tx(ctx, actor, func(_ context.Context, tx *tx) error {
		tx.changed(kind, uuid.Nil, nil, told)
		return nil
	})
}
