package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// What is remembered of operations, and the longest text of one that is: nobody fills
// the memory with what he sends once.
const (
	cachedQueries  = 1000
	maxCachedQuery = 16 << 10
)

// shortQueries remembers documents whose text is short.
type shortQueries struct {
	graphql.Cache[*ast.QueryDocument]
}

func (c shortQueries) Add(ctx context.Context, query string, doc *ast.QueryDocument) {
	if len(query) <= maxCachedQuery {
		c.Cache.Add(ctx, query, doc)
	}
}

// Manifest names the operations that are served, by the SHA-256 of their texts in
// hexadecimal, or whatever id its maker gave them.
type Manifest map[string]string

// ReadManifest reads a manifest as the tools of clients make it: Apollo's
// (apollo-persisted-query-manifest), or an object of texts by their hashes (Relay,
// graphql-codegen).
func ReadManifest(text []byte) (Manifest, error) {
	var apollo struct {
		Format     string
		Operations []struct{ ID, Body string }
	}
	m := Manifest{}
	if err := json.Unmarshal(text, &apollo); err == nil && apollo.Format != "" {
		for _, op := range apollo.Operations {
			m.add(op.ID, op.Body)
		}
	} else {
		var plain map[string]string
		if err := json.Unmarshal(text, &plain); err != nil {
			return nil, fmt.Errorf("neither Apollo's manifest nor an object of texts by hashes: %w", err)
		}
		for id, body := range plain {
			m.add(id, body)
		}
	}
	if len(m) == 0 {
		return nil, errors.New("there is no operation in it")
	}
	return m, nil
}

// add takes an operation in, under its id and its hash.
func (m Manifest) add(id, body string) {
	m[id], m[hashOf(body)] = body, body
}

func hashOf(query string) string {
	sum := sha256.Sum256([]byte(query))
	return hex.EncodeToString(sum[:])
}

// persisted serves operations by their hashes: with a manifest those of it and no
// others, else those that somebody has sent once (automatic persisted queries, as of
// Apollo).
type persisted struct {
	manifest Manifest
	seen     graphql.Cache[string]
}

var _ interface {
	graphql.OperationParameterMutator
	graphql.OperationContextMutator
} = &persisted{}

func newPersisted(m Manifest) *persisted { return &persisted{m, lru.New[string](cachedQueries)} }

func (*persisted) ExtensionName() string                   { return "PersistedOperations" }
func (*persisted) Validate(graphql.ExecutableSchema) error { return nil }

// hashIn gives the hash that a request names.
func hashIn(extensions map[string]any) (hash string, named bool, err *gqlerror.Error) {
	raw, named := extensions["persistedQuery"]
	if !named || raw == nil {
		return "", false, nil
	}
	text, _ := json.Marshal(raw) // it was JSON
	var q struct {
		Version    int
		Sha256Hash string
	}
	if json.Unmarshal(text, &q) != nil || q.Version != 1 || q.Sha256Hash == "" {
		return "", true, gqlerror.Errorf("extensions.persistedQuery has to be a version (1) and a sha256Hash")
	}
	return q.Sha256Hash, true, nil
}

func (p *persisted) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	hash, named, err := hashIn(params.Extensions)
	if err != nil {
		return err
	}
	if p.manifest != nil {
		if hash == "" {
			hash = hashOf(params.Query)
		}
		query, ok := p.manifest[hash]
		if !ok || params.Query != "" && params.Query != query {
			return &gqlerror.Error{
				Message:    "only the operations of the manifest are served here, and this is none of them",
				Extensions: map[string]any{"code": "FORBIDDEN"},
			}
		}
		params.Query = query
		return nil
	}
	switch {
	case !named:
	case params.Query == "":
		query, ok := p.seen.Get(ctx, hash)
		if !ok {
			// Clients know this message and this code, and send the text then.
			return &gqlerror.Error{Message: "PersistedQueryNotFound", Extensions: map[string]any{"code": codeNotPersisted}}
		}
		params.Query = query
	case hashOf(params.Query) != hash:
		return gqlerror.Errorf("the sha256Hash is not that of the query")
	}
	return nil
}

// codeNotPersisted is the code of an operation that is not known by its hash.
const codeNotPersisted = "PERSISTED_QUERY_NOT_FOUND"

// MutateOperationContext remembers an operation that was found good.
func (p *persisted) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if hash, named, _ := hashIn(op.Extensions); named && p.manifest == nil && len(op.RawQuery) <= maxCachedQuery {
		p.seen.Add(ctx, hash, op.RawQuery)
	}
	return nil
}
